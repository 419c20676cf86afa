import { deskPath } from '../office/desk/desk';
import { expect, test } from 'vitest';
import {
  areaPath,
  comparePath,
  problemPath,
  problemsPath,
  reportPath,
  routeOf,
  testPath,
  wardsPath,
  type Route,
} from './route';

const at = (path: string): Route => routeOf(new URL(path, 'https://ispeed.test'));

test.each([
  ['/', { page: 'measure' }],
  ['/?unit=P-BN', { page: 'measure' }],
  ['/wards', { page: 'wards', campaign: undefined, month: undefined, synthetic: false }],
  [
    '/wards?month=2024-11&synthetic=true',
    { page: 'wards', campaign: undefined, month: '2024-11', synthetic: true },
  ],
  [
    '/wards?month=nonsense',
    { page: 'wards', campaign: undefined, month: undefined, synthetic: false },
  ],
  ['/tests/0192', { page: 'test', id: '0192' }],
  [
    '/campaigns/district-1/2024-11',
    { page: 'report', campaign: 'district-1', month: '2024-11', synthetic: false },
  ],
  ['/campaigns/district-1/13', { page: 'missing' }],
  ['/elsewhere', { page: 'missing' }],
  ['/receipt', { page: 'receipt' }],
  ['/j/0123456789abcdef', { page: 'join', code: '0123456789abcdef' }],
  ['/me', { page: 'member' }],
  ['/invitation', { page: 'invitation' }],
  [
    '/office',
    { page: 'office', unit: undefined, campaign: undefined, month: undefined, synthetic: false },
  ],
  [
    '/office/q1-nv?campaign=district-1&month=2024-11&synthetic=true',
    { page: 'office', unit: 'q1-nv', campaign: 'district-1', month: '2024-11', synthetic: true },
  ],
  [
    '/documents/q1-p-ben-nghe?campaign=district-1&month=2024-11',
    {
      page: 'documents',
      unit: 'q1-p-ben-nghe',
      campaign: 'district-1',
      month: '2024-11',
      synthetic: false,
    },
  ],
  [
    '/kit',
    { page: 'kit', unit: undefined, campaign: undefined, month: undefined, synthetic: false },
  ],
  [
    '/areas/26740?month=2024-11&metric=idle_rtt_us&synthetic=true',
    { page: 'area', code: '26740', month: '2024-11', metric: 'idle_rtt_us', synthetic: true },
  ],
  [
    '/compare?month=2024-11&metric=nonsense',
    { page: 'compare', month: '2024-11', metric: 'download_bits_per_second', synthetic: false },
  ],
  ['/problems', { page: 'problems', code: undefined, synthetic: false }],
  ['/problems/sim-1', { page: 'problem', id: 'sim-1' }],
  ['/tests/%E0%A4%A', { page: 'test', id: '%E0%A4%A' }],
])('%s', (path, want) => {
  expect(at(path)).toEqual(want);
});

test('the office has pages of its own', () => {
  const asked = { campaign: 'district-1', month: '2024-11', synthetic: false };
  expect(at(deskPath('members', asked, 'q1-p-ben-nghe'))).toEqual({
    page: 'desk',
    desk: 'members',
    unit: 'q1-p-ben-nghe',
    ...asked,
  });
  expect(at('/audit')).toMatchObject({ page: 'desk', desk: 'audit' });
  expect(at('/audit/x')).toEqual({ page: 'missing' });
});

test('paths lead back to where they came from', () => {
  const choice = { campaign: 'quận/1', month: '2024-11', synthetic: true };
  expect(at(wardsPath(choice))).toEqual({ page: 'wards', ...choice });
  expect(at(reportPath(choice))).toEqual({ page: 'report', ...choice });
  const asked = { month: '2024-11', metric: 'idle_rtt_us', synthetic: false } as const;
  expect(at(areaPath({ code: '26740', ...asked }))).toEqual({
    page: 'area',
    code: '26740',
    ...asked,
  });
  expect(at(comparePath(asked))).toEqual({ page: 'compare', ...asked });
  const problems = { code: '26740', synthetic: true };
  expect(at(problemsPath(problems))).toEqual({ page: 'problems', ...problems });
  expect(problemsPath({ synthetic: false })).toBe('/problems');
  expect(at(problemPath('a/b'))).toEqual({ page: 'problem', id: 'a/b' });
  expect(at(testPath('a/b'))).toEqual({ page: 'test', id: 'a/b' });
});
