import { expect, test } from 'vitest';
import { Lag } from './lag';

function share(slept: number[]): number | undefined {
  const lag = new Lag();
  slept.forEach((ms) => lag.slept(ms));
  return lag.sharePerMille;
}

test('a tick is late by more than fifty milliseconds', () => {
  expect(share([])).toBeUndefined();
  expect(share(Array<number>(20).fill(50))).toBe(0);
  expect(share(Array<number>(20).fill(100))).toBe(0);
  expect(share([50, 50, 50, 101])).toBe(200);
  expect(share([300])).toBe(666);
});
