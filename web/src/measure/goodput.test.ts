import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MODES, type Mode, type StopReason } from '../api/schema';
import { estimate } from './goodput';
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
    p90_bits_per_second: number | null;
    mean_bits_per_second: number | null;
    interval_bits_per_second: [number, number] | null;
  };
}

const path = new URL('../../../testdata/method/goodput-3.json', import.meta.url);
const cases = JSON.parse(readFileSync(path, 'utf8')) as Golden[];

describe('the golden vectors hold', () => {
  test.each(cases)('$name, $mode', ({ mode, bins_bytes, stopped, want }) => {
    const stop = stopPoint(mode, bins_bytes);
    const got = estimate(mode, bins_bytes, stopped);
    expect(rampEnd(bins_bytes) ?? null).toBe(want.ramp_end_bins);
    expect(stop?.bins ?? null).toBe(want.stop_bins);
    expect(stop?.why ?? null).toBe(want.stop_reason);
    expect(got?.goodput ?? null).toBe(want.goodput_bits_per_second);
    expect(got?.p90 ?? null).toBe(want.p90_bits_per_second);
    expect(got?.mean ?? null).toBe(want.mean_bits_per_second);
    expect(got?.interval ?? null).toEqual(want.interval_bits_per_second);
  });

  test('in every mode', () => {
    expect([...new Set(cases.map(({ mode }) => mode))]).toEqual([...MODES]);
  });
});

const steady = (bins: number): number[] => Array<number>(bins).fill(500_000);

describe('the law', () => {
  test('a steady rate is found exactly', () => {
    expect(estimate('full', steady(100), false)).toEqual({
      goodput: 40_000_000,
      interval: [39_600_000, 40_400_000],
      ramp: 800_000,
      p90: 40_000_000,
      mean: 40_000_000,
    });
  });

  test('one bin short is no answer yet', () => {
    expect(estimate('full', steady(99), false)).toBeUndefined();
    expect(estimate('accurate', steady(37), false)).toBeUndefined();
    expect(estimate('saver', steady(15), false)).toBeUndefined();
  });

  test('stopped at a cap, a ramp and eight bins are enough and less is not', () => {
    expect(estimate('full', steady(16), true)?.goodput).toBe(40_000_000);
    expect(estimate('full', steady(15), true)).toBeUndefined();
  });

  test.each(MODES)('no byte is no speed, %s', (mode) => {
    expect(estimate(mode, Array<number>(200).fill(0), false)).toBeUndefined();
    expect(estimate(mode, [], false)).toBeUndefined();
  });

  test('a link of 10 Gbit/s does not lose precision', () => {
    const bins = Array<number>(108).fill(125_000_001);
    for (const mode of MODES) expect(estimate(mode, bins, false)?.goodput).toBe(10_000_000_080);
  });

  test('a boost that ended is not the line', () => {
    const bins = [...Array<number>(30).fill(1_000_000), ...steady(10)];
    expect(estimate('accurate', bins, false)?.goodput).toBe(52_000_000);
  });
});
