// The measuring page is a function of this one value.
import type { BitsPerSecond, Bytes, Microseconds } from '../unit';
import type { Direction } from './direction';
import { rateOver, rampEnd, windowEnd } from './goodput';
import type { Trouble } from './trouble';

/** A direction as shown: absent parts were not measured. */
export interface Speed {
  goodput: BitsPerSecond;
  interval?: [BitsPerSecond, BitsPerSecond];
}

export interface Figures {
  download?: Speed;
  upload?: Speed;
  idle_rtt?: Microseconds;
  working_rtt?: Microseconds;
}

export type Phase =
  | { at: 'ready' }
  | { at: 'locating' }
  | { at: 'starting' | 'idle_rtt' | 'receipt'; soFar: Figures }
  | { at: Direction; bins: number[]; soFar: Figures }
  | { at: 'done'; testId: string; figures: Figures; used: Bytes; trouble: Trouble | undefined }
  | { at: 'failed'; trouble: Trouble; soFar: Figures };

export type Running = Extract<Phase, { soFar: Figures }> & { at: Exclude<Phase['at'], 'failed'> };

const RATE_BINS = 10;
const BIN_US = 100_000;
/** The ramp is over after this many bins on most links. */
const USUAL_WINDOW_END = 115;

/** What the big figure shows: the window so far, or the last second before it. */
export function rateNow(bins: readonly number[]): BitsPerSecond | undefined {
  const start = rampEnd(bins);
  const measured = start === undefined ? [] : bins.slice(start);
  const shown = measured.length >= RATE_BINS ? measured : bins.slice(-RATE_BINS);
  return shown.length === 0 ? undefined : rateOver(shown, BIN_US);
}

const PARTS = {
  ready: [0, 0],
  locating: [0, 0],
  starting: [0, 0.02],
  idle_rtt: [0.02, 0.06],
  download: [0.06, 0.52],
  upload: [0.52, 0.98],
  receipt: [0.98, 1],
  done: [1, 1],
  failed: [1, 1],
} as const;

/** Share of the test that is over, from 0 to 1. */
export function progress(phase: Phase): number {
  const [from, to] = PARTS[phase.at];
  if (!('bins' in phase)) return from;
  const end = windowEnd(phase.bins) ?? Math.max(USUAL_WINDOW_END, phase.bins.length);
  return from + (to - from) * Math.min(1, phase.bins.length / end);
}
