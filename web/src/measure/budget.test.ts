import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Mode, Network } from '../api/schema';
import { bitsPerSecond } from '../unit';
import { budgetOf, capBytes, expectedBytes } from './budget';

interface Golden {
  network: Network | null;
  metered: boolean;
  mode: Mode;
  bits_per_second: number;
  cap_bytes: number | null;
  expected_bytes: number;
}

const path = new URL('../../../testdata/method/budget.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Golden[];

test.each(cases)(
  'golden: $mode, $network, metered $metered, $bits_per_second bit/s',
  ({ network, metered, mode, bits_per_second, cap_bytes, expected_bytes }) => {
    const budget = budgetOf(mode, network ?? undefined, metered);
    const rate = bitsPerSecond(bits_per_second);
    expect(budget ? capBytes(budget, rate) : null).toBe(cap_bytes);
    expect(expectedBytes(mode, rate, budget)).toBe(expected_bytes);
  },
);

test('the golden file holds every connection', () => {
  expect(cases.length).toBe(180);
});
