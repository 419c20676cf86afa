// What the pages of figures ask for, and their addresses.
import type { AreaFigures, FigureRow } from '../api/schema';

export interface Place {
  code: string;
  month: string;
  metric: Metric;
  synthetic: boolean;
}

export const METRICS = [
  'download_bits_per_second',
  'upload_bits_per_second',
  'idle_rtt_us',
] as const;
export type Metric = (typeof METRICS)[number];

export function isMetric(text: string | null): text is Metric {
  return METRICS.some((metric) => metric === text);
}

export type Kind = 'distribution' | 'operators' | 'hours' | 'quota' | 'series';
export const KINDS: readonly Kind[] = ['operators', 'distribution', 'hours', 'series', 'quota'];

/** The address of a drawing; a phone gets one whose letters it can read. */
export function chartLink(kind: Kind, place: Place, size: 'page' | 'phone'): string {
  const { code, month, metric, synthetic } = place;
  const query = new URLSearchParams({ month, metric, size });
  if (synthetic) query.set('synthetic', 'true');
  return `/api/v1/areas/${encodeURIComponent(code)}/charts/${kind}.svg?${query}`;
}

/** All operators together first, then by tests; only what is asked for most. */
export function rowsOf(table: AreaFigures, technology: string): FigureRow[] {
  const rows = table.figures.filter((row) => row.technology === technology);
  const weight = (row: FigureRow): number => (row.operator === 'all' ? Infinity : row.tests);
  return rows.sort((a, b) => weight(b) - weight(a));
}

/** Technologies that have tests, all mobile ones together first. */
export function technologiesOf(table: AreaFigures): string[] {
  const order = ['mobile', '5g', '4g', '3g', '2g', 'mobile_other', 'fixed'];
  const there = new Set(table.figures.map((row) => row.technology));
  return order.filter((technology) => there.has(technology));
}
