import { expect, test } from 'vitest';
import type { ProblemLine } from '../api/schema';
import { bitsPerSecond } from '../unit';
import { limitText, listed, problemFile, shareText } from './problems';

const line = (problem_id: string, code: string, below: number, state = 'opened') =>
  ({ problem_id, area: { code }, below, device_days: 40, state }) as unknown as ProblemLine;

test('the worst that is open comes first, and of one area only its own', () => {
  const lines = [line('a', '1', 9), line('b', '2', 30, 'closed'), line('c', '1', 20)];
  expect(listed(lines, undefined).map((l) => l.problem_id)).toEqual(['c', 'a', 'b']);
  expect(listed(lines, '2').map((l) => l.problem_id)).toEqual(['b']);
});

test('a share says its interval', () => {
  expect(shareText(22, 41, [0.388, 0.679], 'vi')).toEqual({ share: '54 %', interval: '39–68 %' });
});

test('a whole limit has no decimals', () => {
  expect(limitText(bitsPerSecond(5e6), 'vi')).toBe('5');
  expect(limitText(bitsPerSecond(256e3), 'vi')).toBe('0,26');
});

test('an id is written as an address', () => {
  expect(problemFile('sim-1/x', 'map.svg', 'phone')).toBe(
    '/api/v1/problem-areas/sim-1%2Fx/map.svg?size=phone',
  );
  expect(problemFile('a', 'hand-over.csv')).toBe('/api/v1/problem-areas/a/hand-over.csv');
});
