import { expect, test } from 'vitest';
import { dayRuns, daysIn, laidOut, type Organisation } from './desk';

test('days are told as runs', () => {
  expect(dayRuns([])).toBe('');
  expect(dayRuns(['2024-11-05', '2024-11-01', '2024-11-02', '2024-11-03'])).toBe('1–3, 5');
});

test('a month has its days', () => {
  expect([daysIn('2024-02'), daysIn('2025-02'), daysIn('2024-12')]).toEqual([29, 28, 31]);
});

test('every organisation is laid out once, below its parent where that is there', () => {
  const of = (code: string, parent: string | null): Organisation => ({
    code,
    parent,
    valid_from: null,
    kind: 'agency',
    name: code,
    contact: {},
  });
  const tree = laidOut([of('b', 'a'), of('a', null), of('c', 'b'), of('d', 'elsewhere')]);
  expect(tree.map(({ organisation, depth }) => [organisation.code, depth])).toEqual([
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 0],
  ]);
});
