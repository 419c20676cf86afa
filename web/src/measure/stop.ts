// When a direction may stop: edition 1 of the stop rules. The same law runs at
// the site and at the centre, so it is integers throughout and all of them stop
// at the same bin; testdata/method/goodput.json holds them to it.
import { MODES, type Mode, type StopReason } from '../api/schema';
import { RAMP_CAP_BINS, rampEnd } from './ramp';
import { batches, sum, tPerMille } from './statistic';

interface Rule {
  /** Fewest measured bins. */
  minBins: number;
  /** Half width of the interval, per mille of the rate. */
  intervalPerMille: bigint;
  /** Difference of the halves, per mille of the rate. */
  driftPerMille: bigint;
  /** Bin at which it stops all the same, unless fewer than `minBins` are measured. */
  capBins: number;
}

type Adaptive = Exclude<Mode, 'full'>;

const RULES: Record<Adaptive, Rule> = {
  accurate: { minBins: 10, intervalPerMille: 50n, driftPerMille: 50n, capBins: 60 },
  saver: { minBins: 8, intervalPerMille: 100n, driftPerMille: 80n, capBins: 40 },
};

/** Measured bins of mode `full`. */
const WINDOW_BINS = 100;
/** Bins in a batch of mode `full`: one second. */
const FULL_BATCH_BINS = 10;

export interface Stop {
  /** The bins up to here count; later ones do not matter. */
  bins: number;
  why: Extract<StopReason, 'fixed' | 'converged' | 'time_cap'>;
}

/** The mode of a name; undefined when there is no such mode here. */
export function modeOf(name: string): Mode | undefined {
  return MODES.find((mode) => mode === name);
}

/** Where the mode stops and why; undefined while it goes on. Later bins never move the point. */
export function stopPoint(mode: Mode, bins: readonly number[]): Stop | undefined {
  const start = rampEnd(bins);
  if (start === undefined) return undefined;
  const last = lastBin(mode, start);
  switch (mode) {
    case 'full':
      return bins.length >= last ? { bins: last, why: 'fixed' } : undefined;
    case 'accurate':
    case 'saver':
      return adaptiveStop(mode, bins.slice(0, last), start, last);
    default:
      return mode satisfies never;
  }
}

/** The bin at which the mode stops at the latest, as far as these bins tell. */
export function latestStop(mode: Mode, bins: readonly number[]): number {
  return lastBin(mode, rampEnd(bins) ?? RAMP_CAP_BINS);
}

function lastBin(mode: Mode, start: number): number {
  if (mode === 'full') return start + WINDOW_BINS;
  return Math.max(RULES[mode].capBins, start + RULES[mode].minBins);
}

function adaptiveStop(
  mode: Adaptive,
  bins: readonly number[],
  start: number,
  last: number,
): Stop | undefined {
  for (let end = start + RULES[mode].minBins; end <= bins.length; end += 1) {
    if (isConverged(mode, bins.slice(start, end))) return { bins: end, why: 'converged' };
  }
  return bins.length >= last ? { bins: last, why: 'time_cap' } : undefined;
}

/** Bins in a batch for the interval of a window of some length. */
export function batchBins(mode: Mode, length: number): number {
  if (mode === 'full') return FULL_BATCH_BINS;
  return length < 12 ? 2 : 3;
}

function isConverged(mode: Adaptive, window: readonly number[]): boolean {
  return isSteady(RULES[mode], window) && isNarrow(mode, window);
}

/**
 * Whether `t·s/√k ≤ ε·mean` over the batches; squared and multiplied out it is
 * `t²·(k·ΣB² − S²) ≤ ε²·(k − 1)·S²` for batch sums `B` with total `S`. Those
 * products pass 2^53, hence BigInt.
 */
function isNarrow(mode: Adaptive, window: readonly number[]): boolean {
  const sums = batches(window, batchBins(mode, window.length)).map((batch) => BigInt(sum(batch)));
  const k = BigInt(sums.length);
  const total = sums.reduce((before, batch) => before + batch, 0n);
  const squares = sums.reduce((before, batch) => before + batch * batch, 0n);
  const t = BigInt(tPerMille(sums.length - 1));
  const allowed = RULES[mode].intervalPerMille;
  const left = t * t * (k * squares - total * total);
  return total > 0n && left <= allowed * allowed * (k - 1n) * total * total;
}

/** Whether the halves of the window agree; the middle bin of an odd one belongs to neither. */
function isSteady(rule: Rule, window: readonly number[]): boolean {
  const half = Math.floor(window.length / 2);
  const apart = Math.abs(sum(window.slice(0, half)) - sum(window.slice(window.length - half)));
  const difference = BigInt(apart) * 1000n * BigInt(window.length);
  return difference <= rule.driftPerMille * BigInt(half) * BigInt(sum(window));
}
