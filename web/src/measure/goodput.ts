// Goodput of one subtest from its 100 ms bins: edition 1 of the method. The
// same law runs at the centre; both are held to testdata/method/goodput.json.
import type { Parameters } from '../api/schema';
import { bitsPerSecond, microseconds, type BitsPerSecond, type Microseconds } from '../unit';

export interface Estimate {
  goodput: BitsPerSecond;
  /** 95 %, by batch means; absent below two batches. */
  interval: [BitsPerSecond, BitsPerSecond] | undefined;
  ramp: Microseconds;
}

export type Method = Pick<Parameters, 'bin_us' | 'ramp_cap_us' | 'measured_us'>;

/** First bin at which the ramp may end. */
const RAMP_MIN_BINS = 8;
/** Fewest measured bins when the site stopped the subtest at a cap. */
const MIN_STOPPED_BINS = 20;
/** A window that ends in so many bins without a byte was not measured: the line died in it. */
const SILENT_BINS = 20;
/** Bins in a batch for the interval: one second. */
const BATCH_BINS = 10;

/** Student's t, 0.975, by degrees of freedom from 1. */
const T_975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131,
];

export const EDITION_1: Method = {
  bin_us: 100_000,
  ramp_cap_us: 4_000_000,
  measured_us: 10_000_000,
};

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** First bin after the ramp; undefined while that cannot be said yet. Silence before the first byte is ramp. */
export function rampEnd(bins: readonly number[], method: Method = EDITION_1): number | undefined {
  const cap = method.ramp_cap_us / method.bin_us;
  const sumOf3 = (i: number): number => sum(bins.slice(i - 2, i + 1));
  let highest = Math.max(...[2, 3, 4].map(sumOf3));
  for (let i = RAMP_MIN_BINS; i < Math.min(bins.length, cap); i += 1) {
    highest = Math.max(highest, sumOf3(i - 3));
    if (highest > 0 && 10 * sumOf3(i) <= 11 * highest) return i;
  }
  return bins.length >= cap ? cap : undefined;
}

/** The bin at which the window is full; undefined while the ramp goes on. */
export function windowEnd(bins: readonly number[], method: Method = EDITION_1): number | undefined {
  const start = rampEnd(bins, method);
  return start === undefined ? undefined : start + method.measured_us / method.bin_us;
}

/** Whether the window has been measured in full, so that the subtest may stop. */
export function isDone(bins: readonly number[], method: Method = EDITION_1): boolean {
  const end = windowEnd(bins, method);
  return end !== undefined && bins.length >= end;
}

/**
 * Estimate from complete bins; undefined when the window is too short or ends
 * in two seconds without a byte: what could not be computed has no speed,
 * which is not zero.
 * `stopped`: the site ended the subtest at a cap, so a shorter window will do.
 */
export function estimate(
  bins: readonly number[],
  stopped: boolean,
  method: Method = EDITION_1,
): Estimate | undefined {
  const start = rampEnd(bins, method);
  const end = windowEnd(bins, method);
  if (start === undefined || end === undefined) return undefined;
  const window = bins.slice(start, end);
  const enough = stopped ? MIN_STOPPED_BINS : end - start;
  if (window.length < enough || sum(window.slice(-SILENT_BINS)) === 0) return undefined;
  const goodput = rateOver(window, method.bin_us);
  return {
    goodput,
    interval: interval(window, goodput, method.bin_us),
    ramp: microseconds(start * method.bin_us),
  };
}

/** Rate over bins, rounded down; the product passes 2^53, hence BigInt. */
export function rateOver(window: readonly number[], binUs: number): BitsPerSecond {
  const bits = BigInt(sum(window)) * 8_000_000n;
  return bitsPerSecond(Number(bits / BigInt(window.length * binUs)));
}

/** Batch means of one second take the correlation of neighbours into account. */
function interval(
  window: readonly number[],
  goodput: BitsPerSecond,
  binUs: number,
): [BitsPerSecond, BitsPerSecond] | undefined {
  const count = Math.floor(window.length / BATCH_BINS);
  const t = T_975[Math.min(count - 1, T_975.length) - 1];
  if (t === undefined) return undefined;
  const means = Array.from({ length: count }, (_, k): number =>
    rateOver(window.slice(k * BATCH_BINS, (k + 1) * BATCH_BINS), binUs),
  );
  const centre = sum(means) / count;
  const deviation = Math.sqrt(sum(means.map((mean) => (mean - centre) ** 2)) / (count - 1));
  const half = (t * deviation) / Math.sqrt(count);
  return [
    bitsPerSecond(Math.max(0, Math.floor(goodput - half))),
    bitsPerSecond(Math.ceil(goodput + half)),
  ];
}
