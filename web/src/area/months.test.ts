import { expect, test } from 'vitest';
import { offeredMonths } from './months';

test('newest first, none twice', () => {
  expect(offeredMonths(['2024-11', '2024-10'], '2026-11', '2024-11')).toEqual([
    '2026-11',
    '2024-11',
    '2024-10',
  ]);
});
