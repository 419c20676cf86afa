import { expect, test } from 'vitest';
import { freshPosition } from './position';

const position = { latitude_degrees: 10.7798, longitude_degrees: 106.699, accuracy_metres: 12 };

test('a position counts for a minute', () => {
  expect(freshPosition({ at: 'found', position, takenMs: 0 }, 60_000)).toEqual(position);
  expect(freshPosition({ at: 'found', position, takenMs: 0 }, 60_001)).toBeUndefined();
});

test('refused is absent', () => {
  expect(freshPosition({ at: 'denied' }, 0)).toBeUndefined();
});
