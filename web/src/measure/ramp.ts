// The ramp of a direction: while it lasts the line is not full.
import { sum } from './statistic';

/** First bin at which the ramp may end. */
const RAMP_MIN_BINS = 8;
/** Bin at which the ramp ends at the latest. */
export const RAMP_CAP_BINS = 40;

/** First bin after the ramp; undefined while that cannot be said yet. Silence before the first byte is ramp. */
export function rampEnd(bins: readonly number[]): number | undefined {
  const sumOf3 = (i: number): number => sum(bins.slice(i - 2, i + 1));
  let highest = Math.max(...[2, 3, 4].map(sumOf3));
  for (let i = RAMP_MIN_BINS; i < Math.min(bins.length, RAMP_CAP_BINS); i += 1) {
    highest = Math.max(highest, sumOf3(i - 3));
    if (highest > 0 && 10 * sumOf3(i) <= 11 * highest) return i;
  }
  return bins.length >= RAMP_CAP_BINS ? RAMP_CAP_BINS : undefined;
}
