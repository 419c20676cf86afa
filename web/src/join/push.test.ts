import { expect, test } from 'vitest';
import { keyBytes } from './push';

test('a key is read from base64url without padding', () => {
  expect([...keyBytes('BP4z9KsN_-8')]).toEqual([4, 254, 51, 244, 171, 13, 255, 239]);
});
