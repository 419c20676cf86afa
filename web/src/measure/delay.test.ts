import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Probes } from '../api/schema';
import { microseconds } from '../unit';
import { latencyOf, median, responsiveness, type Latency } from './delay';

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

const path = new URL('../../../testdata/method/latency.json', import.meta.url);
const golden = JSON.parse(readFileSync(path, 'utf8')) as {
  name: string;
  probes: Probes;
  latency: Latency;
}[];

describe('the golden samples hold', () => {
  test.each(golden)('$name', ({ probes, latency }) => {
    expect(latencyOf(probes)).toEqual(latency);
  });
});

test('responsiveness counts round trips', () => {
  expect(responsiveness(microseconds(60_000))).toBe(1000);
  expect(responsiveness(microseconds(0))).toBeUndefined();
  expect(responsiveness(undefined)).toBeUndefined();
});
