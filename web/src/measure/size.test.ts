import { expect, test } from 'vitest';
import { largerOrSmaller, LARGEST, SMALLEST } from './size';

test('messages grow where they drain fast, and shrink where they do not', () => {
  expect(largerOrSmaller(SMALLEST, 10)).toBe(2 * SMALLEST);
  expect(largerOrSmaller(4 * SMALLEST, 200)).toBe(4 * SMALLEST);
  expect(largerOrSmaller(4 * SMALLEST, 900)).toBe(2 * SMALLEST);
});

test('and keep their limits', () => {
  expect(largerOrSmaller(LARGEST, 10)).toBe(LARGEST);
  expect(largerOrSmaller(SMALLEST, 10_000)).toBe(SMALLEST);
});
