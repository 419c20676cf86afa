import { expect, test } from 'vitest';
import { bytesOf } from './carrier';

test('a hash is read digit by digit', () => {
  expect([...bytesOf('00ff7A')]).toEqual([0, 255, 122]);
  expect(bytesOf('')).toHaveLength(0);
});
