import { expect, test } from 'vitest';
import { testIdIn } from './find';

const ID = '0192a4c0-0000-7000-8000-00000000abcd';
const OTHER = '0192a4c0-0000-7000-8000-00000000ffff';

test.each([
  ['the id', ID],
  ['the id in capitals', ` ${ID.toUpperCase()}\n`],
  ['a link', `https://ispeed.test/tests/${ID}?x=1`],
  ['a receipt', JSON.stringify({ key_id: OTHER, test_id: ID })],
  ['a submission', JSON.stringify({ context: { device: OTHER }, receipt: { test_id: ID } })],
  ['a broken receipt', `{"test_id": "${ID}", "sig`],
  ['a sentence', `Mã lần đo: ${ID}.`],
])('%s', (_, text) => {
  expect(testIdIn(text)).toBe(ID);
});

test('nothing is found where nothing is', () => {
  expect(testIdIn('')).toBeUndefined();
  expect(testIdIn('0192a4c0-0000')).toBeUndefined();
  expect(testIdIn('{"test_id": 5}')).toBeUndefined();
});
