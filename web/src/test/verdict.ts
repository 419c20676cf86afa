// The answer to "does it count?" in one line.
import type { CountsFor, TestView } from '../api/schema';
import type { Catalogue } from '../i18n/vi';

export const EVERYTHING: readonly CountsFor[] = ['quota', 'ward', 'operator', 'country'];

export type Tone = 'good' | 'warn' | 'bad';

export function toneOf({ state }: TestView): Tone {
  switch (state) {
    case 'accepted':
      return 'good';
    case 'limited':
      return 'warn';
    case 'excluded':
    case 'incomplete':
      return 'bad';
    default:
      return state satisfies never;
  }
}

export function headline({ state, area }: TestView, text: Catalogue): string {
  if (state === 'accepted' && area) return text.verdict.acceptedFor(area.full_name);
  return text.verdict[state];
}

/** "a, b và c" without the last joint: a plain list reads in both languages. */
export function listed(names: readonly CountsFor[], text: Catalogue): string {
  return names.map((name) => text.countsFor[name]).join(', ');
}

export function notFor({ counts_for }: TestView): CountsFor[] {
  return EVERYTHING.filter((name) => !counts_for.includes(name));
}
