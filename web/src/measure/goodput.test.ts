import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { estimate, isDone, rampEnd } from './goodput';

interface Golden {
  name: string;
  bins_bytes: number[];
  stopped: boolean;
  want: {
    ramp_end_bins: number | null;
    goodput_bits_per_second: number | null;
    interval_bits_per_second: [number, number] | null;
  };
}

const path = new URL('../../../testdata/method/goodput.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Golden[];

describe('the golden vectors hold', () => {
  test.each(cases)('$name', ({ bins_bytes, stopped, want }) => {
    const got = estimate(bins_bytes, stopped);
    expect(rampEnd(bins_bytes) ?? null).toBe(want.ramp_end_bins);
    expect(got?.goodput ?? null).toBe(want.goodput_bits_per_second);
    expect(got?.interval === undefined).toBe(want.interval_bits_per_second === null);
    want.interval_bits_per_second?.forEach((end, i) => {
      expect(Math.abs((got?.interval?.[i] ?? NaN) - end)).toBeLessThanOrEqual(1);
    });
  });
});

const steady = (bins: number): number[] => Array<number>(bins).fill(500_000);

describe('the law', () => {
  test('a steady rate is found exactly', () => {
    expect(estimate(steady(108), false)).toEqual({
      goodput: 40_000_000,
      interval: [40_000_000, 40_000_000],
      ramp: 800_000,
    });
  });

  test('one bin short is no answer yet', () => {
    expect(isDone(steady(107))).toBe(false);
    expect(estimate(steady(107), false)).toBeUndefined();
    expect(isDone(steady(108))).toBe(true);
  });

  test('stopped at a cap, two seconds are enough and less is not', () => {
    expect(estimate(steady(28), true)?.goodput).toBe(40_000_000);
    expect(estimate(steady(27), true)).toBeUndefined();
  });

  test('no byte is no speed', () => {
    expect(estimate(Array<number>(200).fill(0), false)).toBeUndefined();
    expect(estimate([], false)).toBeUndefined();
  });

  test('a link of 10 Gbit/s does not lose precision', () => {
    const bins = Array<number>(108).fill(125_000_001);
    expect(estimate(bins, false)?.goodput).toBe(10_000_000_080);
  });
});
