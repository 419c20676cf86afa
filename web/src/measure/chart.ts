// The line of a running test: 100 ms bins, smoothed over three.

export const WIDTH = 320;
export const HEIGHT = 96;
/** Nobody knows how long a test takes: it begins with room for so many, and draws closer for more. */
const BINS_SHOWN = 30;
/** Room above the highest point. */
const HEADROOM = 1.15;

function smoothed(bins: readonly number[]): number[] {
  return bins.map((_, i) => {
    const near = bins.slice(Math.max(0, i - 2), i + 1);
    return near.reduce((total, bin) => total + bin, 0) / near.length;
  });
}

/** Points of the line, `x,y` each; the scale grows with the highest bin. */
export function points(bins: readonly number[]): string[] {
  const values = smoothed(bins);
  const top = Math.max(1, ...values) * HEADROOM;
  const step = WIDTH / Math.max(BINS_SHOWN, values.length);
  return values.map(
    (value, i) => `${((i + 1) * step).toFixed(1)},${(HEIGHT * (1 - value / top)).toFixed(1)}`,
  );
}
