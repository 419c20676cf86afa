import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MODES, type Mode, type StopReason } from '../api/schema';
import { estimate, level } from './goodput';
import { rampEnd } from './ramp';
import { stopPoint } from './stop';

interface Golden {
  name: string;
  mode: Mode;
  bins_bytes: number[];
  stopped: boolean;
  want: {
    ramp_end_bins: number | null;
    stop_bins: number | null;
    stop_reason: StopReason | null;
    goodput_bits_per_second: number | null;
    interval_bits_per_second: [number, number] | null;
  };
}

const path = new URL('../../../testdata/method/goodput.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Golden[];

describe('the golden vectors hold', () => {
  test.each(cases)('$name, $mode', ({ mode, bins_bytes, stopped, want }) => {
    const stop = stopPoint(mode, bins_bytes);
    const got = estimate(mode, bins_bytes, stopped);
    expect(rampEnd(bins_bytes) ?? null).toBe(want.ramp_end_bins);
    expect(stop?.bins ?? null).toBe(want.stop_bins);
    expect(stop?.why ?? null).toBe(want.stop_reason);
    expect(got?.goodput ?? null).toBe(want.goodput_bits_per_second);
    expect(got?.interval === undefined).toBe(want.interval_bits_per_second === null);
    want.interval_bits_per_second?.forEach((end, i) => {
      expect(Math.abs((got?.interval?.[i] ?? NaN) - end)).toBeLessThanOrEqual(1);
    });
  });

  test('in every mode', () => {
    expect([...new Set(cases.map(({ mode }) => mode))]).toEqual([...MODES]);
  });
});

const steady = (bins: number): number[] => Array<number>(bins).fill(500_000);

describe('the law', () => {
  test('a steady rate is found exactly', () => {
    expect(estimate('full', steady(108), false)).toEqual({
      goodput: 40_000_000,
      interval: [40_000_000, 40_000_000],
      ramp: 800_000,
    });
  });

  test('one bin short is no answer yet', () => {
    expect(estimate('full', steady(107), false)).toBeUndefined();
    expect(estimate('accurate', steady(17), false)).toBeUndefined();
    expect(estimate('saver', steady(15), false)).toBeUndefined();
  });

  test('stopped at a cap, two seconds are enough and less is not', () => {
    expect(estimate('full', steady(28), true)?.goodput).toBe(40_000_000);
    expect(estimate('full', steady(27), true)).toBeUndefined();
  });

  test.each(MODES)('no byte is no speed, %s', (mode) => {
    expect(estimate(mode, Array<number>(200).fill(0), false)).toBeUndefined();
    expect(estimate(mode, [], false)).toBeUndefined();
  });

  test('a link of 10 Gbit/s does not lose precision', () => {
    const bins = Array<number>(108).fill(125_000_001);
    for (const mode of MODES) expect(estimate(mode, bins, false)?.goodput).toBe(10_000_000_080);
  });

  test('the adaptive modes leave the extremes out', () => {
    const window = [...steady(8), 0, 10_000_000];
    expect(level('accurate', window)).toBe(40_000_000);
    expect(level('saver', window)).toBe(40_000_000);
    expect(level('full', window)).toBe(112_000_000);
  });
});
