// Goodput of one subtest from its 100 ms bins. The same law runs at the centre;
// both are held to testdata/method/goodput-3.json.
import type { Mode } from '../api/schema';
import { bitsPerSecond, microseconds, type BitsPerSecond, type Microseconds } from '../unit';
import { forecast, type Forecast } from './forecast';
import { rampEnd } from './ramp';
import { sum } from './statistic';
import { LEAST_WINDOW_BINS, stopPoint } from './stop';

export interface Estimate {
  /** Mean rate of the first ten seconds, seen or forecast. */
  goodput: BitsPerSecond;
  /** 95 %. */
  interval: [BitsPerSecond, BitsPerSecond];
  ramp: Microseconds;
  /** 90 % quantile of the bins after the ramp. */
  p90: BitsPerSecond;
  /** Plain mean from the first bin on, ramp and all. */
  mean: BitsPerSecond;
}

/** Length of a bin: the law is made for this one. */
export const BIN_US = 100_000;
/** A window that ends in so many bins without a byte was not measured: the line died in it. */
const SILENT_BINS = 20;
/** Half width of the interval for what was not seen of a line that varies without end. */
const SPREAD = 1.2;
/** Volatility at which half of it is reached. */
const HALF_SPREAD_AT = 0.1;
/** Half width of the interval when all was seen: what a bin may be off. */
const FLOOR = 0.01;
/** Added to it for what looks calm and is not over, times the unseen share's fourth power. */
const UNKNOWN = 0.27;
/** Bits per second of one byte per bin. */
const BITS_PER_SECOND = 80;

/**
 * Estimate from complete bins; undefined when they are too few or end in two
 * seconds without a byte: what could not be computed has no speed, which is
 * not zero. `stopped`: the site ended the subtest at a cap, so what there is
 * will do.
 */
export function estimate(
  mode: Mode,
  bins: readonly number[],
  stopped: boolean,
): Estimate | undefined {
  const start = rampEnd(bins);
  if (start === undefined) return undefined;
  const enough = stopped && bins.length >= start + LEAST_WINDOW_BINS;
  const end = stopPoint(mode, bins)?.bins ?? (enough ? bins.length : undefined);
  if (end === undefined) return undefined;
  const window = bins.slice(start, end);
  const seen = forecast(bins.slice(0, start), window);
  if (seen === undefined || sum(window.slice(-SILENT_BINS)) === 0) return undefined;
  return {
    goodput: bitsPerSecond(Math.floor(seen.mean * BITS_PER_SECOND)),
    interval: interval(seen),
    ramp: microseconds(start * BIN_US),
    p90: rateOver([quantile90(window)]),
    mean: rateOver(bins.slice(0, end)),
  };
}

/** Rate over bins, rounded down; the product passes 2^53, hence BigInt. */
export function rateOver(window: readonly number[]): BitsPerSecond {
  const bits = BigInt(sum(window)) * 8_000_000n;
  return bitsPerSecond(Number(bits / BigInt(window.length * BIN_US)));
}

/** Smallest value with nine tenths at or below it. */
function quantile90(window: readonly number[]): number {
  const sorted = [...window].sort((a, b) => a - b);
  return sorted[Math.ceil((window.length * 900) / 1000) - 1] ?? 0;
}

/** What a bin may be off, what has not come yet, and what the seen part varies. */
function interval(seen: Forecast): [BitsPerSecond, BitsPerSecond] {
  const squared = seen.unseen * seen.unseen;
  const unknown = FLOOR + UNKNOWN * (squared * squared);
  const varies = seen.volatility / (seen.volatility + HALF_SPREAD_AT);
  const half = SPREAD * (seen.unseen + seen.unfilled) * varies + unknown;
  const rate = seen.mean * BITS_PER_SECOND;
  return [
    bitsPerSecond(Math.max(0, Math.floor(rate - rate * half))),
    bitsPerSecond(Math.ceil(rate + rate * half)),
  ];
}
