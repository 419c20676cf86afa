import { expect, test } from 'vitest';
import type { AreaFigures } from '../api/schema';
import { chartLink, isMetric, rowsOf, technologiesOf } from './figures';

const row = (operator: string, technology: string, tests: number) => ({
  operator,
  technology,
  tests,
  devices: 1,
  device_days: 1,
});
const table = {
  figures: [
    row('a', 'mobile', 5),
    row('b', 'mobile', 9),
    row('all', 'mobile', 14),
    row('b', '4g', 9),
  ],
} as unknown as AreaFigures;

test('all operators come first, then those with most tests', () => {
  expect(rowsOf(table, 'mobile').map((r) => r.operator)).toEqual(['all', 'b', 'a']);
  expect(technologiesOf(table)).toEqual(['mobile', '4g']);
});

test('a drawing is asked for as the table is', () => {
  const place = {
    code: '26740',
    month: '2024-11',
    metric: 'idle_rtt_us',
    synthetic: true,
  } as const;
  expect(chartLink('series', place, 'phone')).toBe(
    '/api/v1/areas/26740/charts/series.svg?month=2024-11&metric=idle_rtt_us&size=phone&synthetic=true',
  );
  expect(chartLink('hours', { ...place, synthetic: false }, 'page')).toBe(
    '/api/v1/areas/26740/charts/hours.svg?month=2024-11&metric=idle_rtt_us&size=page',
  );
  expect(isMetric('idle_rtt_us') && !isMetric('x') && !isMetric(null)).toBe(true);
});
