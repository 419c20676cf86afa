import { afterEach, expect, test, vi } from 'vitest';
import { RequestError } from '../api/problem';
import { Troubled, troubleOf, troubleOfRefusal } from './trouble';

afterEach(() => vi.unstubAllGlobals());

const problem = (name: string, status: number) => ({
  type: `urn:ispeed:problem:${name}`,
  title: name,
  status,
});

function answer(name: string, status: number): void {
  const response = new Response(JSON.stringify(problem(name, status)), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
  vi.stubGlobal('fetch', () => Promise.resolve(response));
}

test('each way to fail has its name', () => {
  expect(troubleOf(new Troubled('interrupted'))).toBe('interrupted');
  expect(troubleOf(new TypeError('failed to fetch'))).toBe('offline');
  expect(troubleOf(new RequestError({ kind: 'intercepted', status: 200 }))).toBe('blocked');
  const expired = problem('token_expired', 401);
  expect(
    troubleOf(new RequestError({ kind: 'problem', name: 'token_expired', problem: expired })),
  ).toBe('site_error');
});

test('a refused WebSocket is explained by the same path in plain HTTP', async () => {
  answer('upgrade_required', 426);
  expect(await troubleOfRefusal('download', 't')).toBe('blocked');
  answer('site_busy', 503);
  expect(await troubleOfRefusal('download', 't')).toBe('busy');
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError()));
  expect(await troubleOfRefusal('download', 't')).toBe('offline');
});
