import { expect, test } from 'vitest';
import { kitUrl, paperUrl, papersPath } from './papers';

const MONTH = { campaign: 'district-1', month: '2024-11', synthetic: true, unit: undefined };
const FIELDS = { number: '4125/UBND-VHTT', date: '', authority: '', title: ' ', signer: 'Ưu' };

test('fields that are empty are left to the office', () => {
  expect(paperUrl(MONTH, 'letter', 'pdf', FIELDS)).toBe(
    '/api/v1/office/campaigns/district-1/months/2024-11/documents/letter.pdf' +
      '?number=4125%2FUBND-VHTT&signer=%C6%AFu&synthetic=true',
  );
});

test('a unit has documents and a kit of its own', () => {
  const own = { ...MONTH, unit: 'q1-p-ben-nghe', synthetic: false };
  expect(kitUrl(own, 'poster.pdf', 'https://do.vn/areas/1')).toBe(
    '/api/v1/office/campaigns/district-1/months/2024-11/units/q1-p-ben-nghe/kit/poster.pdf' +
      '?link=https%3A%2F%2Fdo.vn%2Fareas%2F1',
  );
  expect(papersPath('kit', own)).toBe('/kit/q1-p-ben-nghe?month=2024-11&campaign=district-1');
});
