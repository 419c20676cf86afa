import { afterEach, expect, test, vi } from 'vitest';
import cases from '../../../testdata/method/selection.json';
import { aim, choose } from './selection';

afterEach(() => vi.unstubAllGlobals());

test.each(cases)('$name', ({ rtt_us, chance, chosen, reason }) => {
  const asked = rtt_us.map((rtt, n) => ({
    site: `site-${n}`,
    reason: 'load',
    ...(rtt !== null && { rtt_us: rtt }),
  }));
  const selection = choose(asked, chance);
  expect(selection.reason).toBe(reason);
  expect(selection.chosen).toBe(chosen === null ? undefined : `site-${chosen}`);
});

function answer(urls: Record<string, unknown>): (url: string) => Promise<Response> {
  return (url) => {
    if (!(url in urls)) return Promise.reject(new TypeError('unreachable'));
    const body = urls[url];
    if (body === undefined) return Promise.resolve(new Response(null, { status: 204 }));
    const headers = { 'content-type': 'application/json' };
    return Promise.resolve(new Response(JSON.stringify(body), { headers }));
  };
}

test('without candidates it is the site the page came from', async () => {
  vi.stubGlobal('fetch', answer({ '/api/v1/sites/nearest': { candidates: [] } }));
  expect(await aim(0)).toEqual({ origin: '', seen: {} });
  vi.stubGlobal('fetch', answer({}));
  expect(await aim(0)).toEqual({ origin: '', seen: {} });
});

test('who answers is chosen, and its families are told where it has names for them', async () => {
  const candidates = [
    { site: 'a', reason: 'on_net', on_net: true, urls: ['http://a'] },
    {
      site: 'b',
      reason: 'exchange',
      urls: ['https://b'],
      ipv4_url: 'http://b4',
      ipv6_url: 'http://b6',
    },
  ];
  const urls = {
    '/api/v1/sites/nearest': { candidates },
    'https://b/measure/v1/ping': undefined,
    'http://b4/measure/v1/ping': undefined,
  };
  vi.stubGlobal('fetch', answer(urls));
  const { origin, seen } = await aim(0);
  expect(origin).toBe('https://b');
  expect(seen.selection?.chosen).toBe('b');
  expect(seen.selection?.candidates[0]).toEqual({ site: 'a', reason: 'on_net', on_net: true });
  expect(seen.ipv4?.available).toBe(true);
  expect(Number.isInteger(seen.ipv4?.rtt_us)).toBe(true);
  expect(seen.ipv6).toEqual({ available: false });
});
