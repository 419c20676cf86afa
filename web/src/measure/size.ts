// How large the messages of an upload are: large enough for a fast link, small
// enough that many of them fit into one bin of a slow one.

export const SMALLEST = 1 << 16;
export const LARGEST = 1 << 20;
/** Messages after which the size is looked at again. */
export const TRIAL = 8;

const FAST_MS = 100;
const SLOW_MS = 400;

export function largerOrSmaller(size: number, trialMs: number): number {
  if (trialMs < FAST_MS) return Math.min(LARGEST, size * 2);
  return trialMs > SLOW_MS ? Math.max(SMALLEST, size / 2) : size;
}
