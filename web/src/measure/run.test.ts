import { afterEach, expect, test, vi } from 'vitest';
import { runTest } from './run';
import { troubleOf } from './trouble';

afterEach(() => vi.unstubAllGlobals());

test('a mode of a later version cannot be measured', async () => {
  const asked: unknown[] = [];
  vi.stubGlobal('fetch', (_path: string, init: RequestInit) => {
    asked.push(JSON.parse(String(init.body)));
    const session = { mode: 'warp', server_time: '2024-11-08T02:00:00Z' };
    const headers = { 'content-type': 'application/json' };
    return Promise.resolve(new Response(JSON.stringify(session), { status: 201, headers }));
  });
  const run = runTest({ mode: 'saver', network: 'mobile', metered: false }, () => undefined);
  expect(await run.catch(troubleOf)).toBe('site_error');
  expect(asked).toEqual([{ mode: 'saver', network: 'mobile' }]);
});
