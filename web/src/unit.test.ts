import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  bitsPerSecond,
  bytes,
  formatDateTime,
  formatDelay,
  formatMegabitInterval,
  formatMegabits,
  formatMegabytes,
  formatMilliseconds,
  formatMonth,
  formatNumber,
  formatRate,
  isMonth,
  microseconds,
  monthOf,
  shiftMonth,
} from './unit';

describe('numbers as a person reads them', () => {
  test.each([
    [480_000, '0,48 Mbit/s'],
    [4_800_000, '4,8 Mbit/s'],
    [48_210_000, '48,2 Mbit/s'],
    [482_100_000, '482 Mbit/s'],
  ])('%i bit/s is %s', (rate, want) => {
    expect(formatRate(bitsPerSecond(rate), 'vi')).toBe(want);
  });

  test('English uses a point', () => {
    expect(formatRate(bitsPerSecond(48_210_000), 'en')).toBe('48.2 Mbit/s');
  });

  test('an interval has one form at both ends', () => {
    const interval = [bitsPerSecond(46_900_000), bitsPerSecond(49_600_000)] as const;
    expect(formatMegabitInterval(interval, 'vi')).toBe('46,9–49,6');
  });

  test('delay, amount and count', () => {
    expect(formatDelay(microseconds(8_211), 'vi')).toBe('8,2 ms');
    expect(formatDelay(microseconds(61_400), 'vi')).toBe('61 ms');
    expect(formatMegabytes(bytes(66_123_456), 'vi')).toBe('66 MB');
    expect(formatNumber(2650, 'vi')).toBe('2.650');
  });
});

describe('dates are the country’s', () => {
  test('an evening in UTC is the next morning', () => {
    const at = new Date('2024-11-30T18:30:00Z');
    expect(formatDateTime(at)).toBe('01/12/2024 01:30');
    expect(monthOf(at)).toBe('2024-12');
  });

  test('months', () => {
    expect(formatMonth('2024-11')).toBe('11/2024');
    expect(shiftMonth('2024-12', 1)).toBe('2025-01');
    expect(shiftMonth('2024-01', -1)).toBe('2023-12');
    expect([isMonth('2024-11'), isMonth('2024-13'), isMonth('11/2024')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

interface Example {
  metric: string;
  value: number;
  shown: string;
}

test('pages and drawings write a value the same way', () => {
  const file = new URL('../../testdata/format/numbers.json', import.meta.url);
  for (const { metric, value, shown } of JSON.parse(readFileSync(file, 'utf8')) as Example[]) {
    const said =
      metric === 'idle_rtt_us'
        ? formatMilliseconds(microseconds(value), 'vi')
        : formatMegabits(bitsPerSecond(value), 'vi');
    expect(said, `${metric} ${value}`).toBe(shown);
  }
});
