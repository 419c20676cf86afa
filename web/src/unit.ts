// Units: numbers on the wire carry theirs in the name, numbers in the code in
// the type. Mbit/s and ms exist only here, where a person reads them.

export type BitsPerSecond = number & { readonly unit: 'bits_per_second' };
export type Microseconds = number & { readonly unit: 'us' };
export type Bytes = number & { readonly unit: 'bytes' };
export type Language = 'vi' | 'en';

export const bitsPerSecond = (value: number): BitsPerSecond => value as BitsPerSecond;
export const microseconds = (value: number): Microseconds => value as Microseconds;
export const bytes = (value: number): Bytes => value as Bytes;

/** The country's time: months and dates mean this one, wherever the reader is. */
const ZONE = 'Asia/Ho_Chi_Minh';

const LOCALE = { vi: 'vi-VN', en: 'en-GB' } as const;

export function formatNumber(value: number, language: Language, decimals = 0): string {
  return new Intl.NumberFormat(LOCALE[language], {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(value);
}

/** Three figures that count: 0,48 · 4,8 · 48,2 · 482. */
function decimalsOf(megabits: number): number {
  if (megabits < 1) return 2;
  return megabits < 100 ? 1 : 0;
}

/** The bare number of Mbit/s. */
export function formatMegabits(rate: BitsPerSecond, language: Language): string {
  const megabits = rate / 1e6;
  return formatNumber(megabits, language, decimalsOf(megabits));
}

export function formatRate(rate: BitsPerSecond, language: Language): string {
  return `${formatMegabits(rate, language)} Mbit/s`;
}

/** An interval as "46,9–49,6", both ends with the decimals of the wider one. */
export function formatMegabitInterval(
  [low, high]: readonly [BitsPerSecond, BitsPerSecond],
  language: Language,
): string {
  const decimals = decimalsOf(high / 1e6);
  const ends = [low, high].map((end) => formatNumber(end / 1e6, language, decimals));
  return ends.join('–');
}

/** The bare number of milliseconds. */
export function formatMilliseconds(span: Microseconds, language: Language): string {
  const milliseconds = span / 1000;
  return formatNumber(milliseconds, language, milliseconds < 10 ? 1 : 0);
}

export function formatDelay(span: Microseconds, language: Language): string {
  return `${formatMilliseconds(span, language)} ms`;
}

export function formatMegabytes(amount: Bytes, language: Language): string {
  const megabytes = amount / 1e6;
  return `${formatNumber(megabytes, language, megabytes < 10 ? 1 : 0)} MB`;
}

function dateParts(at: Date): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: ZONE,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
}

/** 08/11/2024 09:00, in the country's time. */
export function formatDateTime(at: Date): string {
  const { day, month, year, hour, minute } = dateParts(at);
  return `${day}/${month}/${year} ${hour}:${minute}`;
}

/** `2024-11` of an instant, in the country's time. */
export function monthOf(at: Date): string {
  const { month, year } = dateParts(at);
  return `${year}-${month}`;
}

/** 11/2024 from `2024-11`. */
export function formatMonth(month: string): string {
  const [year, number] = month.split('-');
  return `${number}/${year}`;
}

export function shiftMonth(month: string, by: number): string {
  const [year = NaN, number = NaN] = month.split('-').map(Number);
  const moved = new Date(Date.UTC(year, number - 1 + by, 1));
  return moved.toISOString().slice(0, 7);
}

export function isMonth(text: string): boolean {
  return /^\d{4}-(0[1-9]|1[0-2])$/.test(text);
}
