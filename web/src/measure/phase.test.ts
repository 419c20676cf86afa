import { expect, test } from 'vitest';
import { MODES } from '../api/schema';
import { estimate } from './goodput';
import { progress, rateNow } from './phase';

const steady = (bins: number): number[] => Array<number>(bins).fill(500_000);

test('no bin is no rate, which is not zero', () => {
  expect(rateNow('accurate', [])).toBeUndefined();
  expect(rateNow('accurate', [0])).toBe(0);
});

test('the figure shows the window once there is one', () => {
  expect(rateNow('full', steady(30))).toBe(40_000_000);
  expect(rateNow('full', steady(3))).toBe(40_000_000);
});

test.each(MODES)('the last figure shown is the result, %s', (mode) => {
  const bins = Array.from({ length: 130 }, (_, i) => 500_000 + ((i * 7_919) % 100_003));
  expect(rateNow(mode, bins)).toBe(estimate(mode, bins, false)?.goodput);
});

test.each(MODES)('progress only goes forward, %s', (mode) => {
  const soFar = {};
  const shares = [
    progress({ at: 'ready' }),
    progress({ at: 'idle_rtt', soFar }),
    progress({ at: 'download', mode, bins: steady(10), soFar }),
    progress({ at: 'download', mode, bins: steady(108), soFar }),
    progress({ at: 'upload', mode, bins: [], soFar }),
    progress({ at: 'receipt', soFar }),
  ];
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBeLessThanOrEqual(1);
});

test.each(MODES)('within a direction too, however late its ramp ends, %s', (mode) => {
  const growing = Array.from({ length: 140 }, (_, i) => i ** 3);
  const rough = growing.map((_, i) => 200_000 + ((i * i * 7_919) % 600_011));
  for (const bins of [growing, rough]) {
    const shares = bins.map((_, i) =>
      progress({ at: 'upload', mode, bins: bins.slice(0, i + 1), soFar: {} }),
    );
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(0.98);
  }
});

test('a direction that stops early is done at once', () => {
  const at = (bins: number): number =>
    progress({ at: 'download', mode: 'accurate', bins: steady(bins), soFar: {} });
  expect(at(37)).toBeCloseTo(0.06 + (0.46 * 37) / 80);
  expect(at(38)).toBe(0.52);
});
