// The parts of a figure as texts; withheld is said, never shown as a number.
import type { Figure } from '../api/schema';
import type { Catalogue } from '../i18n/vi';
import {
  formatMegabitInterval,
  formatMegabits,
  formatMilliseconds,
  type BitsPerSecond,
  type Language,
  type Microseconds,
} from '../unit';
import type { Metric } from './figures';

export interface FigureText {
  median: string;
  interval: string;
  grade: string;
  mean: string;
  spread: string;
}

export function figureText(
  figure: Figure<BitsPerSecond> | Figure<Microseconds> | undefined,
  metric: Metric,
  text: Catalogue,
  language: Language,
): FigureText {
  const { absent } = text.common;
  if (figure === undefined || figure.state === 'withheld') {
    const median = figure === undefined ? absent : text.wards.tooFew;
    return { median, interval: absent, grade: absent, mean: absent, spread: absent };
  }
  const one = (value: number): string =>
    metric === 'idle_rtt_us'
      ? formatMilliseconds(value as Microseconds, language)
      : formatMegabits(value as BitsPerSecond, language);
  const two = ([low, high]: readonly [number, number]): string =>
    metric === 'idle_rtt_us'
      ? `${one(low)}–${one(high)}`
      : formatMegabitInterval([low as BitsPerSecond, high as BitsPerSecond], language);
  const { p25, p75, mean } = figure;
  return {
    median: one(figure.median),
    interval: figure.median_interval ? two(figure.median_interval) : absent,
    grade: figure.grade ?? absent,
    mean: mean === undefined ? absent : one(mean),
    spread: p25 === undefined || p75 === undefined ? absent : two([p25, p75]),
  };
}
