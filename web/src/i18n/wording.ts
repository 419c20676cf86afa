// Sentences for values of the contract; a word the catalogue lacks is shown as it came.
import type { Failure } from '../api/problem';
import type { Technology } from '../api/schema';
import type { Catalogue } from './vi';

function entry(texts: object, name: string): string | undefined {
  const found: unknown = Object.entries(texts).find(([key]) => key === name)?.[1];
  return typeof found === 'string' ? found : undefined;
}

export function problemText(text: Catalogue, name: string, title: string): string {
  return entry(text.problem.byName, name) ?? text.problem.unknown(title);
}

export function failureText(text: Catalogue, failure: Failure): string {
  switch (failure.kind) {
    case 'offline':
      return text.failure.offline;
    case 'intercepted':
      return text.failure.intercepted;
    case 'problem':
      return problemText(text, failure.name, failure.problem.title);
    default:
      return failure satisfies never;
  }
}

export function rejectionText(text: Catalogue, name: string): string {
  return entry(text.rejection, name) ?? name;
}

export function problemStateText(text: Catalogue, state: string): string {
  return entry(text.problems.states, state) ?? state;
}

export function technologyText(text: Catalogue, technology: Technology | string): string {
  return entry(text.network, technology) ?? technology;
}
