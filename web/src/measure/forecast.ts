// What a line will have carried after ten seconds, from its first few: the same
// operations in the same order as at the centre, because both have to find the
// same (IEEE 754 rounds these exactly).

/** Bins whose mean rate is asked for. */
export const HORIZON_BINS = 100;
/** Bins that tell the level at an end of the window. */
const EDGE_BINS = 5;
/** Share of the last level's distance to the mean that lasts. */
const PERSISTENCE = 0.3;
/** Bins before a change of level, at least. */
const LEVEL_BINS = 4;
/** Bins for which the level after it has to have lasted. */
const LASTING_BINS = 10;
/** A change of level is at least so much of the mean … */
const CHANGE = 0.25;
/** … between two parts which by themselves vary by less than this. */
const CALM = 0.08;

export interface Forecast {
  /** Mean bytes per bin over the horizon. */
  mean: number;
  /** Standard deviation of the window's bins over their mean. */
  volatility: number;
  /** Share of the horizon that is still to come, 0 to 1. */
  unseen: number;
  /** Share of the horizon that the ramp did not fill. */
  unfilled: number;
}

/** From the bins of the ramp and those after it; undefined for a window of one bin or of silence. */
export function forecast(ramp: readonly number[], window: readonly number[]): Forecast | undefined {
  const count = window.length;
  const total = added(window);
  const mean = total / count;
  if (count < 2 || total <= 0) return undefined;
  const squares = window.reduce((s, bin) => s + (bin - mean) * (bin - mean), 0);
  const edge = Math.min(count, EDGE_BINS);
  const first = added(window.slice(0, edge)) / edge;
  const last = added(window.slice(count - edge)) / edge;
  const [coming, deviation] = change(window, mean, squares) ?? [
    mean + PERSISTENCE * (last - mean),
    Math.sqrt(squares / (count - 1)),
  ];
  const short = ramp.reduce((s, bin) => s + Math.max(first - bin, 0), 0);
  const before = ramp.reduce((s, bin) => s + Math.max(bin, first), 0);
  const seen = ramp.length + count;
  const unseen = Math.max(0, HORIZON_BINS - seen);
  return {
    mean: (before + total + unseen * coming) / (seen + unseen),
    volatility: deviation / mean,
    unseen: unseen / HORIZON_BINS,
    unfilled: first > 0 ? short / first / HORIZON_BINS : 0,
  };
}

/** The level after a change, and the deviation about the two levels. */
function change(
  bins: readonly number[],
  mean: number,
  squares: number,
): [number, number] | undefined {
  const count = bins.length;
  const total = added(bins);
  let before = 0;
  let best = { between: 0, apart: 0, after: 0 };
  bins.forEach((bin, index) => {
    before += bin;
    const left = index + 1;
    const right = count - left;
    if (left < LEVEL_BINS || right < LASTING_BINS) return;
    const after = (total - before) / right;
    const apart = before / left - after;
    const between = ((left * right) / count) * (apart * apart);
    if (between > best.between) best = { between, apart: Math.abs(apart), after };
  });
  const within = Math.sqrt(Math.max(squares - best.between, 0) / count);
  const found = best.apart > CHANGE * mean && within < CALM * mean;
  return found ? [best.after, within] : undefined;
}

const added = (bins: readonly number[]): number => bins.reduce((s, bin) => s + bin, 0);
