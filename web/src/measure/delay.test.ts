import { expect, test } from 'vitest';
import { median } from './delay';

const sample = (rtt_us: number[], lost = 0) => ({
  sent: rtt_us.length + lost,
  received: rtt_us.length,
  rtt_us,
});

test('the lower of the middle two', () => {
  expect(median(sample([4, 1, 3, 2]))).toBe(2);
  expect(median(sample([3, 1, 2]))).toBe(2);
});

test('loss pushes the median up, and then away', () => {
  expect(median(sample([10, 11, 12], 1))).toBe(11);
  expect(median(sample([10, 11], 2))).toBe(11);
  expect(median(sample([10, 11], 3))).toBeUndefined();
});

test('both directions make one sample', () => {
  expect(median(sample([1, 2, 3]), sample([100, 200, 300], 1))).toBe(100);
});

test('nothing sent has no median', () => {
  expect(median(sample([]))).toBeUndefined();
  expect(median()).toBeUndefined();
});
