import { describe, expect, test } from 'vitest';
import { REASONS } from '../api/schema';
import { en } from './en';
import { vi } from './vi';
import { failureText, problemText, rejectionText } from './wording';

function leaves(node: object, path = ''): [string, unknown][] {
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? leaves(value, `${path}.${key}`)
      : [[`${path}.${key}`, value]],
  );
}

describe('both catalogues', () => {
  test('have the same keys and no empty text', () => {
    expect(leaves(en).map(([key]) => key)).toEqual(leaves(vi).map(([key]) => key));
    const empty = [...leaves(vi), ...leaves(en)].filter(([, value]) => value === '');
    expect(empty).toEqual([]);
  });

  test('explain every reason', () => {
    for (const { reason, rejection } of [vi, en]) {
      expect(Object.keys(reason)).toEqual([...REASONS]);
      for (const name of REASONS) expect(rejection).toHaveProperty(name);
    }
  });
});

describe('a failure has a sentence', () => {
  const problem = { type: 'urn:ispeed:problem:clock_skewed', title: 'skewed', status: 422 };

  test('by its name, or else with what the server said', () => {
    expect(failureText(vi, { kind: 'problem', name: 'clock_skewed', problem })).toContain('2 phút');
    expect(problemText(vi, 'new_name', 'a new title')).toContain('a new title');
    expect(problemText(vi, 'toString', 'a title')).toContain('a title');
    expect(failureText(vi, { kind: 'offline' })).toBe(vi.failure.offline);
  });

  test('an unknown reason for not counting is shown as it is', () => {
    expect(rejectionText(vi, 'repeat')).toBe('Đo lặp');
    expect(rejectionText(vi, 'something_new')).toBe('something_new');
  });
});
