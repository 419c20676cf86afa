// Bytes per bin, in order of time, from the first stream's open.

/** Counts what arrives here, by this device's clock. */
export class LocalBins {
  readonly #bins: number[] = [];
  readonly #startMs: number;
  readonly #binMs: number;

  constructor(startMs: number, binUs: number) {
    this.#startMs = startMs;
    this.#binMs = binUs / 1000;
  }

  add(nowMs: number, count: number): void {
    const bin = this.#index(nowMs);
    while (this.#bins.length <= bin) this.#bins.push(0);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + count;
  }

  /** The bins that are over; a stall is a row of zeros, which is measured. */
  complete(nowMs: number): number[] {
    return Array.from({ length: this.#index(nowMs) }, (_, bin) => this.#bins[bin] ?? 0);
  }

  #index(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.#startMs) / this.#binMs));
  }
}

/** Adds up what the site counted, stream by stream and bin by bin. */
export class SiteBins {
  readonly #bins: number[] = [];
  /** For each stream that runs, the number of bins it has reported. */
  readonly #reported = new Map<number, number>();
  #complete = 0;

  started(stream: number): void {
    this.#reported.set(stream, this.#complete);
  }

  ended(stream: number): void {
    this.#reported.delete(stream);
  }

  add(stream: number, bin: number, count: number): void {
    while (this.#bins.length <= bin) this.#bins.push(0);
    this.#bins[bin] = (this.#bins[bin] ?? 0) + count;
    this.#reported.set(stream, Math.max(this.#reported.get(stream) ?? 0, bin + 1));
  }

  /** Bins that every stream has reported, or a later one. */
  complete(): number[] {
    if (this.#reported.size > 0) {
      this.#complete = Math.max(this.#complete, Math.min(...this.#reported.values()));
    }
    return this.#bins.slice(0, this.#complete);
  }
}
