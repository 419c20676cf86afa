import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BIN_US } from './goodput';
import { MOST, wanted } from './schedule';

interface Golden {
  name: string;
  early_streams: number;
  bins_bytes: number[];
  /** When 0, 1, 2, … bins are complete. */
  want: number[];
}

const path = new URL('../../../testdata/method/streams.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Golden[];

describe('the golden vectors hold', () => {
  test.each(cases)('$name', ({ early_streams, bins_bytes, want }) => {
    const course = want.map((_, n) => wanted(early_streams, bins_bytes.slice(0, n), n * BIN_US));
    expect(course).toEqual(want);
  });
});

test('the early streams follow every 200 ms', () => {
  const bins = (ms: number): number[] => Array<number>(Math.floor(ms / 100)).fill(625_000);
  const want = (ms: number): number => wanted(4, bins(ms), ms * 1000);
  expect([0, 199, 200, 399, 400, 900].map(want)).toEqual([2, 2, 3, 3, 4, 4]);
});

test('never more than a site takes', () => {
  const growing = Array.from({ length: 60 }, (_, i) => 20_000_000 * 1.2 ** i);
  expect(wanted(200, growing, 6_000_000)).toBe(MOST);
});
