import { afterEach, describe, expect, test, vi } from 'vitest';
import { fetchTest, openSession } from './client';
import { failureOf, failureOfAnswer, problemName } from './problem';

const busy = { type: 'urn:ispeed:problem:site_busy', title: 'busy', status: 503 };

afterEach(() => vi.unstubAllGlobals());

function answer(body: string, status: number, type: string): void {
  const response = new Response(body, { status, headers: { 'content-type': type } });
  vi.stubGlobal('fetch', () => Promise.resolve(response));
}

async function failureWhen(call: () => Promise<unknown>) {
  return call().then(() => undefined, failureOf);
}

describe('answers become failures by what can be done', () => {
  test('a problem keeps its name', () => {
    expect(problemName(busy)).toBe('site_busy');
    expect(problemName({ ...busy, type: 'about:blank' })).toBe('unknown');
    expect(failureOfAnswer(503, busy)).toEqual({
      kind: 'problem',
      name: 'site_busy',
      problem: busy,
    });
  });

  test('a page instead of JSON is a captive portal', async () => {
    answer('<html>', 200, 'text/html');
    expect(
      await failureWhen(() => openSession({ mode: 'accurate', network: 'mobile', metered: false })),
    ).toEqual({
      kind: 'intercepted',
      status: 200,
    });
  });

  test('a proxy’s error page is the server’s trouble', async () => {
    answer('<html>', 502, 'text/html');
    const failure = await failureWhen(() => fetchTest('x'));
    expect(failure).toMatchObject({
      kind: 'problem',
      name: 'server_error',
      problem: { status: 502 },
    });
  });

  test('no answer at all is offline', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed to fetch')));
    expect(await failureWhen(() => fetchTest('x'))).toEqual({ kind: 'offline' });
  });

  test('the problem of an answer is typed', async () => {
    answer(JSON.stringify(busy), 503, 'application/problem+json');
    expect(
      await failureWhen(() => openSession({ mode: 'saver', network: undefined, metered: true })),
    ).toMatchObject({
      name: 'site_busy',
    });
  });
});
