// A published figure as text; withheld is said, never shown as a number.
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

function shown<Unit extends number>(
  figure: Figure<Unit> | undefined,
  text: Catalogue,
  value: (median: Unit) => string,
  interval: (ends: [Unit, Unit]) => string,
): string {
  if (figure === undefined) return text.common.absent;
  if (figure.state === 'withheld') return text.wards.tooFew;
  const { median, median_interval } = figure;
  return median_interval ? `${value(median)} (${interval(median_interval)})` : value(median);
}

export function megabitFigure(
  figure: Figure<BitsPerSecond> | undefined,
  text: Catalogue,
  language: Language,
  withUnit = false,
): string {
  const unit = withUnit ? ` ${text.common.mbit}` : '';
  return shown(
    figure,
    text,
    (median) => formatMegabits(median, language) + unit,
    (ends) => formatMegabitInterval(ends, language),
  );
}

export function millisecondFigure(
  figure: Figure<Microseconds> | undefined,
  text: Catalogue,
  language: Language,
): string {
  return shown(
    figure,
    text,
    (median) => formatMilliseconds(median, language),
    (ends) => ends.map((end) => formatMilliseconds(end, language)).join('–'),
  );
}
