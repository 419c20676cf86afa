// Goodput of one subtest from its 100 ms bins: edition 1 of the method. The
// same law runs at the centre; both are held to testdata/method/goodput.json.
import type { Mode } from '../api/schema';
import { bitsPerSecond, microseconds, type BitsPerSecond, type Microseconds } from '../unit';
import { rampEnd } from './ramp';
import { batches, sum, tPerMille } from './statistic';
import { batchBins, stopPoint } from './stop';

export interface Estimate {
  goodput: BitsPerSecond;
  /** 95 %, by batch means; absent below two batches. */
  interval: [BitsPerSecond, BitsPerSecond] | undefined;
  ramp: Microseconds;
}

/** Length of a bin: the law is made for this one. */
export const BIN_US = 100_000;
/** Fewest measured bins when the site stopped the subtest at a cap. */
const MIN_STOPPED_BINS = 20;
/** A window that ends in so many bins without a byte was not measured: the line died in it. */
const SILENT_BINS = 20;
/** The adaptive modes leave out one bin of so many at each end. */
const TRIMMED_ONE_IN = 10;

/**
 * Estimate from complete bins, from the ramp's end to where the mode stops;
 * undefined when that window is too short or ends in two seconds without a
 * byte: what could not be computed has no speed, which is not zero.
 * `stopped`: the site ended the subtest at a cap, so a shorter window will do.
 */
export function estimate(
  mode: Mode,
  bins: readonly number[],
  stopped: boolean,
): Estimate | undefined {
  const start = rampEnd(bins);
  if (start === undefined) return undefined;
  const enough = stopped && bins.length >= start + MIN_STOPPED_BINS;
  const end = stopPoint(mode, bins)?.bins ?? (enough ? bins.length : undefined);
  if (end === undefined) return undefined;
  const window = bins.slice(start, end);
  if (sum(window.slice(-SILENT_BINS)) === 0) return undefined;
  const goodput = level(mode, window);
  return {
    goodput,
    interval: interval(mode, window, goodput),
    ramp: microseconds(start * BIN_US),
  };
}

/**
 * Rate of a window that is not empty: the mean in mode `full`, else the mean
 * without the lowest and the highest tenth of its bins.
 */
export function level(mode: Mode, window: readonly number[]): BitsPerSecond {
  if (mode === 'full') return rateOver(window);
  const trimmed = Math.floor(window.length / TRIMMED_ONE_IN);
  const sorted = [...window].sort((a, b) => a - b);
  return rateOver(sorted.slice(trimmed, sorted.length - trimmed));
}

/** Rate over bins, rounded down; the product passes 2^53, hence BigInt. */
export function rateOver(window: readonly number[]): BitsPerSecond {
  const bits = BigInt(sum(window)) * 8_000_000n;
  return bitsPerSecond(Number(bits / BigInt(window.length * BIN_US)));
}

/** Batch means take the correlation of neighbouring bins into account. */
function interval(
  mode: Mode,
  window: readonly number[],
  goodput: BitsPerSecond,
): [BitsPerSecond, BitsPerSecond] | undefined {
  const means: number[] = batches(window, batchBins(mode, window.length)).map(rateOver);
  const count = means.length;
  if (count < 2) return undefined;
  const centre = sum(means) / count;
  const deviation = Math.sqrt(sum(means.map((mean) => (mean - centre) ** 2)) / (count - 1));
  const half = ((tPerMille(count - 1) / 1000) * deviation) / Math.sqrt(count);
  return [
    bitsPerSecond(Math.max(0, Math.floor(goodput - half))),
    bitsPerSecond(Math.ceil(goodput + half)),
  ];
}
