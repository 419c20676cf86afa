// When a direction may stop. The same law runs at the site and at the centre;
// testdata/method/goodput-3.json holds them to it.
import { MODES, type Mode, type StopReason } from '../api/schema';
import { forecast, HORIZON_BINS } from './forecast';
import { RAMP_CAP_BINS, rampEnd } from './ramp';

interface Rule {
  /** Fewest bins from the start of the direction. */
  leastBins: number;
  /** Bins at which it stops all the same. */
  mostBins: number;
  /** Largest product of the volatility and the share that was not seen. */
  doubt: number;
}

const RULES: Record<Mode, Rule> = {
  accurate: { leastBins: 38, mostBins: 80, doubt: 0.0625 },
  saver: { leastBins: 16, mostBins: 28, doubt: 0.055 },
  full: { leastBins: HORIZON_BINS, mostBins: HORIZON_BINS, doubt: 0 },
};

/** Fewest bins after the ramp. */
export const LEAST_WINDOW_BINS = 8;

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
  const first = Math.max(RULES[mode].leastBins, start + LEAST_WINDOW_BINS);
  for (let end = first; end <= Math.min(bins.length, last); end += 1) {
    if (mode === 'full') return { bins: end, why: 'fixed' };
    if (isSettled(mode, bins.slice(0, start), bins.slice(start, end))) {
      return { bins: end, why: 'converged' };
    }
    if (end === last) return { bins: end, why: 'time_cap' };
  }
  return undefined;
}

/** The bin at which the mode stops at the latest, as far as these bins tell. */
export function latestStop(mode: Mode, bins: readonly number[]): number {
  return lastBin(mode, rampEnd(bins) ?? RAMP_CAP_BINS);
}

function lastBin(mode: Mode, start: number): number {
  return Math.max(RULES[mode].mostBins, start + LEAST_WINDOW_BINS);
}

/** Whether what was not seen can hardly change the result. */
function isSettled(mode: Mode, ramp: readonly number[], window: readonly number[]): boolean {
  const seen = forecast(ramp, window);
  return seen !== undefined && seen.unseen * seen.volatility <= RULES[mode].doubt;
}
