// How much data a direction may carry, and is expected to: the twin of
// metric/src/budget.rs; testdata/method/budget.json holds both. The site has
// the last word; this is for what people are told before a test.
import type { Mode, Network } from '../api/schema';
import { bitsPerSecond, bytes, type BitsPerSecond, type Bytes } from '../unit';

export interface Budget {
  /** That a direction may carry at any rate. */
  bytes: number;
  /** Rate from which on the span counts. */
  fromBitsPerSecond: number;
  /** Span whose bytes a faster direction may carry. */
  spanUs: number;
  /** That no direction may exceed. */
  mostBytes: number;
}

const METERED: Budget = { bytes: 10e6, fromBitsPerSecond: 0, spanUs: 0, mostBytes: 10e6 };
const CELLULAR: Budget = {
  bytes: 25e6,
  fromBitsPerSecond: 50e6,
  spanUs: 1_500_000,
  mostBytes: 100e6,
};
const FIXED: Budget = {
  bytes: 250e6,
  fromBitsPerSecond: 1e9,
  spanUs: 2_500_000,
  mostBytes: 1e9,
};

/** How long a direction of a mode usually takes. */
const USUAL_US: Record<Mode, number> = { full: 10_200_000, accurate: 4_200_000, saver: 2_200_000 };

/** Rate assumed where none is known. */
export const ASSUMED = bitsPerSecond(40e6);

/** Undefined for mode `full` where nothing is known of the connection. */
export function budgetOf(
  mode: Mode,
  network: Network | undefined,
  metered: boolean,
): Budget | undefined {
  if (metered) return METERED;
  if (network === 'mobile') return CELLULAR;
  return network === undefined && mode === 'full' ? undefined : FIXED;
}

/** Most bytes of a direction that runs at a rate. */
export function capBytes(budget: Budget, rate: BitsPerSecond): Bytes {
  if (rate < budget.fromBitsPerSecond) return bytes(budget.bytes);
  const spanned = Math.max(bytesIn(rate, budget.spanUs), budget.bytes);
  return bytes(Math.min(spanned, budget.mostBytes));
}

/** Bytes that a direction is expected to carry at a rate. */
export function expectedBytes(mode: Mode, rate: BitsPerSecond, budget: Budget | undefined): Bytes {
  const usual = bytesIn(rate, USUAL_US[mode]);
  return bytes(budget === undefined ? usual : Math.min(usual, capBytes(budget, rate)));
}

function bytesIn(rate: BitsPerSecond, spanUs: number): number {
  return Number((BigInt(Math.floor(rate)) * BigInt(spanUs)) / 8_000_000n);
}
