// Paths of the app; the server answers each of them with the same page.
import { isMonth } from '../unit';

export type Route =
  | { page: 'measure' }
  | { page: 'wards'; campaign: string | undefined; month: string | undefined; synthetic: boolean }
  | { page: 'test'; id: string }
  | { page: 'report'; campaign: string; month: string; synthetic: boolean }
  | { page: 'missing' };

export function routeOf(url: URL): Route {
  const [first, second, third, ...rest] = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  const synthetic = url.searchParams.get('synthetic') === 'true';
  if (rest.length > 0) return { page: 'missing' };
  if (first === undefined) return { page: 'measure' };
  if (first === 'wards' && second === undefined) return wardsRoute(url, synthetic);
  if (first === 'tests' && second !== undefined && third === undefined) {
    return { page: 'test', id: second };
  }
  if (first === 'campaigns' && second !== undefined && third !== undefined && isMonth(third)) {
    return { page: 'report', campaign: second, month: third, synthetic };
  }
  return { page: 'missing' };
}

function wardsRoute(url: URL, synthetic: boolean): Route {
  const month = url.searchParams.get('month') ?? '';
  const campaign = url.searchParams.get('campaign') ?? undefined;
  return { page: 'wards', campaign, month: isMonth(month) ? month : undefined, synthetic };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export interface Choice {
  campaign: string;
  month: string;
  synthetic: boolean;
}

export function wardsPath({ campaign, month, synthetic }: Choice): string {
  const query = new URLSearchParams({ month, campaign });
  if (synthetic) query.set('synthetic', 'true');
  return `/wards?${query}`;
}

export function reportPath({ campaign, month, synthetic }: Choice): string {
  return `/campaigns/${encodeURIComponent(campaign)}/${month}${synthetic ? '?synthetic=true' : ''}`;
}

export function testPath(id: string): string {
  return `/tests/${encodeURIComponent(id)}`;
}
