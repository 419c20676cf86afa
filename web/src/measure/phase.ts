// The measuring page is a function of this one value.
import type { Mode, Observed } from '../api/schema';
import type { BitsPerSecond, Bytes, Microseconds } from '../unit';
import type { Latency } from './delay';
import type { Direction } from './direction';
import { estimate, rateOver } from './goodput';
import { latestStop, stopPoint } from './stop';
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
  /** Statistics of each sample that was taken. */
  idle?: Latency;
  working_download?: Latency;
  working_upload?: Latency;
  /** What carried the probes. */
  connection?: Observed['connection'];
}

export type Phase =
  | { at: 'ready' }
  | { at: 'locating' }
  | { at: 'starting' | 'idle_rtt' | 'receipt'; soFar: Figures }
  | { at: Direction; mode: Mode; bins: number[]; soFar: Figures }
  | {
      at: 'done';
      testId: string;
      figures: Figures;
      used: Bytes;
      /** A direction is missing because its data budget was spent. */
      spent: boolean;
      trouble: Trouble | undefined;
    }
  | { at: 'failed'; trouble: Trouble; soFar: Figures };

export type Running = Extract<Phase, { soFar: Figures }> & { at: Exclude<Phase['at'], 'failed'> };

/** Shown while there is no estimate yet. */
const RATE_BINS = 8;

/** What the big figure shows: the estimate so far, or the last bins before there is one. */
export function rateNow(mode: Mode, bins: readonly number[]): BitsPerSecond | undefined {
  const soFar = estimate(mode, bins, true);
  if (soFar) return soFar.goodput;
  return bins.length === 0 ? undefined : rateOver(bins.slice(-RATE_BINS));
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

/** Share of the test that is over, from 0 to 1; it leaps where a direction stops early. */
export function progress(phase: Phase): number {
  const [from, to] = PARTS[phase.at];
  if (!('bins' in phase)) return from;
  return from + (to - from) * directionShare(phase.mode, phase.bins);
}

/** Nobody knows how long a direction takes, only how long at the most. */
function directionShare(mode: Mode, bins: readonly number[]): number {
  return stopPoint(mode, bins) ? 1 : bins.length / latestStop(mode, bins);
}
