import { expect, test } from 'vitest';
import type { TestView } from '../api/schema';
import { en } from '../i18n/en';
import { vi } from '../i18n/vi';
import { headline, listed, notFor, toneOf } from './verdict';

const counted: TestView = {
  test_id: 't',
  state: 'accepted',
  reasons: [],
  counts_for: ['quota', 'ward', 'operator', 'country'],
  edition: 1,
  synthetic: false,
  measured_at: '2024-11-08T02:00:00Z',
  received_at: '2024-11-08T02:00:01Z',
  area: {
    code: '26740',
    valid_from: null,
    name: 'Bến Nghé',
    full_name: 'Phường Bến Nghé',
    approximate: true,
  },
  site: 'demo',
};

test('a test that counts names the ward', () => {
  expect(headline(counted, vi)).toBe('Được tính cho Phường Bến Nghé');
  expect(toneOf(counted)).toBe('good');
  expect(notFor(counted)).toEqual([]);
});

test('a test that counts in part says for what', () => {
  const limited: TestView = {
    ...counted,
    state: 'limited',
    reasons: ['unlocated'],
    counts_for: ['country'],
  };
  expect(headline(limited, vi)).toBe('Được tính một phần');
  expect(listed(limited.counts_for, en)).toBe('the national statistics');
  expect(notFor(limited)).toEqual(['quota', 'ward', 'operator']);
});
