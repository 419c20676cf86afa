import { expect, test } from 'vitest';
import { vi } from '../i18n/vi';
import { bitsPerSecond, microseconds, type BitsPerSecond } from '../unit';
import { megabitFigure, millisecondFigure } from './figure';

const rate = bitsPerSecond;

test('a published median comes with its interval', () => {
  const median = rate(41_200_000);
  const median_interval: [BitsPerSecond, BitsPerSecond] = [rate(38_900_000), rate(44_100_000)];
  const figure = { state: 'published' as const, n: 212, median, median_interval };
  expect(megabitFigure(figure, vi, 'vi', true)).toBe('41,2 Mbit/s (38,9–44,1)');
});

test('withheld and absent are words, never zero', () => {
  expect(megabitFigure({ state: 'withheld', n: 12 }, vi, 'vi')).toBe('Chưa đủ mẫu');
  expect(megabitFigure(undefined, vi, 'vi')).toBe('—');
  const median = microseconds(24_000);
  expect(millisecondFigure({ state: 'published', n: 40, median }, vi, 'vi')).toBe('24');
});
