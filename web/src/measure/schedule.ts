// How many streams a direction wants by now: the twin of metric/src/streams.rs.
import { BIN_US } from './goodput';
import { sum } from './statistic';

/** Streams opened at once. */
const FIRST = 2;
/** Most streams of a direction. */
export const MOST = 16;
const STAGGER_US = 200_000;
const SLOW_BITS_PER_SECOND = 2e6;
const SLOW_BINS = 2;
const GROWTH_FROM_BINS = 10;
const GROWTH_BINS = 5;
const GROWTH_TENTHS = 11;
const FAST_BITS_PER_SECOND = 300e6;
const FAST_STREAMS = 6;
const VERY_FAST_BITS_PER_SECOND = 1e9;
const VERY_FAST_STREAMS = 8;
const VERY_FAST_STEP = 4;

/** Bytes of so many bins at a rate. */
function atRate(bins: number, bitsPerSecond: number): number {
  return Math.floor((bitsPerSecond * BIN_US * bins) / 8_000_000);
}

/** The first streams, and those that follow once the link is known not to be slow. */
function earlyStreams(early: number, bins: readonly number[], elapsedUs: number): number {
  const first = Math.min(FIRST, early);
  const isFast = (_: number, at: number): boolean =>
    at + SLOW_BINS <= bins.length &&
    sum(bins.slice(at, at + SLOW_BINS)) > atRate(SLOW_BINS, SLOW_BITS_PER_SECOND);
  const at = bins.findIndex(isFast);
  if (at < 0) return first;
  const since = elapsedUs - Math.max((at + SLOW_BINS) * BIN_US, STAGGER_US);
  if (since < 0) return first;
  return Math.min(first + 1 + Math.floor(since / STAGGER_US), early);
}

/** What the looks at growth ask for; 0 when they ask for nothing. */
function fastStreams(bins: readonly number[]): number {
  let streams = 0;
  for (let end = GROWTH_FROM_BINS; end <= bins.length; end += GROWTH_BINS) {
    const middle = end - GROWTH_BINS;
    const last = sum(bins.slice(middle, end));
    const before = sum(bins.slice(middle - GROWTH_BINS, middle));
    const grows = 10 * last >= GROWTH_TENTHS * before;
    let asked = 0;
    if (last >= atRate(GROWTH_BINS, VERY_FAST_BITS_PER_SECOND)) {
      const more = grows && streams >= VERY_FAST_STREAMS;
      asked = Math.max(VERY_FAST_STREAMS, streams + (more ? VERY_FAST_STEP : 0));
    } else if (grows && last >= atRate(GROWTH_BINS, FAST_BITS_PER_SECOND)) {
      asked = FAST_STREAMS;
    }
    streams = Math.min(Math.max(streams, asked), MOST);
  }
  return streams;
}

/**
 * Streams wanted by now, from 1 to 16; more bins or a later time never want
 * fewer. `early` is what the site allows early, `bins` are the complete ones.
 */
export function wanted(early: number, bins: readonly number[], elapsedUs: number): number {
  const most = Math.max(earlyStreams(early, bins, elapsedUs), fastStreams(bins));
  return Math.min(Math.max(most, 1), MOST);
}
