import { expect, test } from 'vitest';
import { HEIGHT, points, WIDTH } from './chart';

test('no bin draws nothing, silence draws the ground line', () => {
  expect(points([])).toEqual([]);
  expect(points([0])).toEqual([`10.7,${HEIGHT.toFixed(1)}`]);
});

test('a long test still fits', () => {
  expect(points(Array<number>(160).fill(1)).at(-1)?.split(',')[0]).toBe(WIDTH.toFixed(1));
});
