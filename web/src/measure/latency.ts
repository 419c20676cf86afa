// Round-trip delay by numbered probes on one connection, idle and under load.
import type { Parameters, Probes } from '../api/schema';
import type { Carrier } from './carrier';
import { pause, waitUntil } from './pause';

export type Series = 'idle' | 'working_download' | 'working_upload';

interface Probe {
  series: Series;
  sentMs: number;
}

export class Prober {
  readonly #carrier: Carrier;
  readonly #parameters: Parameters;
  readonly #pending = new Map<number, Probe>();
  readonly #sent = new Map<Series, number>();
  readonly #rtts = new Map<Series, number[]>();
  #next = 0;
  #lastAnswerMs = 0;

  constructor(carrier: Carrier, parameters: Parameters) {
    this.#carrier = carrier;
    this.#parameters = parameters;
    carrier.hear((message) => this.#answer(message));
  }

  async runIdle(): Promise<Probes> {
    const start = performance.now();
    for (let k = 0; k < this.#parameters.idle_probes; k += 1) {
      await pause(start + (k * this.#parameters.probe_interval_us) / 1000 - performance.now());
      this.#send('idle');
    }
    await this.settle();
    return this.sample('idle');
  }

  /** Probes beside a load, until the returned function is called. */
  runBeside(series: Series): () => void {
    const timer = setInterval(() => this.#send(series), this.#parameters.probe_interval_us / 1000);
    return () => clearInterval(timer);
  }

  /** Waits for what is still on the way, no longer than a probe may take. */
  async settle(): Promise<void> {
    const quiet = (): boolean => this.#pending.size === 0 || !this.#carrier.isOpen();
    await waitUntil(quiet, this.#parameters.waiting_time_us / 1000);
    this.#pending.clear();
  }

  /** Whether any answer has come since then, or comes shortly. */
  answersSince(ms: number, atMostMs: number): Promise<boolean> {
    return waitUntil(() => this.#lastAnswerMs > ms, atMostMs);
  }

  sample(series: Series): Probes {
    const rtt_us = this.#rtts.get(series) ?? [];
    return { sent: this.#sent.get(series) ?? 0, received: rtt_us.length, rtt_us };
  }

  #send(series: Series): void {
    if (!this.#carrier.isOpen()) return;
    const number = this.#next;
    this.#next += 1;
    const message = new Uint8Array(4);
    new DataView(message.buffer).setUint32(0, number);
    this.#pending.set(number, { series, sentMs: performance.now() });
    this.#sent.set(series, (this.#sent.get(series) ?? 0) + 1);
    this.#carrier.send(message);
  }

  #answer(message: Uint8Array): void {
    const now = performance.now();
    if (message.byteLength !== 4) return;
    const number = new DataView(message.buffer, message.byteOffset).getUint32(0);
    const probe = this.#pending.get(number);
    if (probe === undefined) return;
    this.#pending.delete(number);
    this.#lastAnswerMs = now;
    const rttUs = Math.round((now - probe.sentMs) * 1000);
    // An answer after the waiting time is a lost probe.
    if (rttUs > this.#parameters.waiting_time_us) return;
    const rtts = this.#rtts.get(probe.series) ?? [];
    rtts.push(rttUs);
    this.#rtts.set(probe.series, rtts);
  }
}
