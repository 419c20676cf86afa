// What the pages of problem areas compute from what they are told.
import type { ProblemLine } from '../api/schema';
import { formatNumber, type BitsPerSecond, type Language } from '../unit';

/** Those of an area, or all; those that are still open first, then by share. */
export function listed(lines: readonly ProblemLine[], code: string | undefined): ProblemLine[] {
  const here = lines.filter((line) => code === undefined || line.area?.code === code);
  const share = (line: ProblemLine): number => line.below / Math.max(1, line.device_days);
  const closed = (line: ProblemLine): number => Number(line.state === 'closed');
  return here.sort((a, b) => closed(a) - closed(b) || share(b) - share(a));
}

/** "54 %", and "39–68 %" of its interval. */
export function shareText(
  below: number,
  all: number,
  [low, high]: readonly [number, number],
  language: Language,
): { share: string; interval: string } {
  const percent = (share: number): string => formatNumber(share * 100, language);
  return {
    share: `${percent(below / Math.max(1, all))} %`,
    interval: `${percent(low)}–${percent(high)} %`,
  };
}

/** A limit in Mbit/s: whole ones have no decimals. */
export function limitText(limit: BitsPerSecond, language: Language): string {
  const megabits = limit / 1e6;
  return formatNumber(megabits, language, Number.isInteger(megabits) ? 0 : 2);
}

/** The address of a file of a problem area. */
export function problemFile(
  id: string,
  file: 'map.svg' | 'hand-over.csv' | 'hand-over.geojson',
  size?: 'page' | 'phone',
): string {
  const query = size === undefined ? '' : `?size=${size}`;
  return `/api/v1/problem-areas/${encodeURIComponent(id)}/${file}${query}`;
}
