import { expect, test } from 'vitest';
import { progress, rateNow } from './phase';

const steady = (bins: number): number[] => Array<number>(bins).fill(500_000);

test('no bin is no rate, which is not zero', () => {
  expect(rateNow([])).toBeUndefined();
  expect(rateNow([0])).toBe(0);
});

test('the figure shows the window once there is one', () => {
  expect(rateNow([...Array<number>(8).fill(0), ...steady(30)])).toBe(40_000_000);
  expect(rateNow(steady(3))).toBe(40_000_000);
});

test('progress only goes forward', () => {
  const soFar = {};
  const shares = [
    progress({ at: 'ready' }),
    progress({ at: 'idle_rtt', soFar }),
    progress({ at: 'download', bins: steady(10), soFar }),
    progress({ at: 'download', bins: steady(108), soFar }),
    progress({ at: 'upload', bins: [], soFar }),
    progress({ at: 'receipt', soFar }),
  ];
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBeLessThanOrEqual(1);
});
