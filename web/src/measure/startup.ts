// Whether every stream of a download is past BBR's STARTUP, as the site tells.

/** What the site says once for each stream, where its kernel tells. */
function isStartupLeft(text: string): boolean {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null && 'startup_left_us' in said;
  } catch {
    return false;
  }
}

export class Startup {
  /** For each stream, when it was said, since the first stream opened. */
  readonly #left = new Map<number, number | undefined>();

  joined(stream: number): void {
    this.#left.set(stream, undefined);
  }

  /** A text of the site on a stream; one that is not known here is ignored. */
  heard(stream: number, text: string, atUs: number): void {
    if (isStartupLeft(text)) this.#left.set(stream, this.#left.get(stream) ?? atUs);
  }

  /** When it was said of the last stream; absent while one has not left. */
  get allLeftUs(): number | undefined {
    const times = [...this.#left.values()];
    if (times.length === 0 || times.some((at) => at === undefined)) return undefined;
    return Math.round(Math.max(...times.map((at) => at ?? 0)));
  }
}
