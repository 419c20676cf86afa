// Paths of the app; the server answers each of them with the same page.
import { isDesk, type Desk } from '../office/desk/desk';
import { isMetric, type Metric, type Place } from '../figures/figures';
import { isMonth, monthOf } from '../unit';

export type Route =
  | { page: 'measure' }
  | { page: 'wards'; campaign: string | undefined; month: string | undefined; synthetic: boolean }
  | { page: 'test'; id: string }
  | { page: 'report'; campaign: string; month: string; synthetic: boolean }
  | ({ page: 'area' } & Place)
  | ({ page: 'compare' } & Compared)
  | ({ page: 'problems' } & Problems)
  | { page: 'problem'; id: string }
  | { page: 'receipt' }
  | ({ page: 'office' } & OfficeAsked)
  | ({ page: 'desk' } & Desk)
  | ({ page: 'documents' | 'kit' } & OfficeAsked)
  | { page: 'invitation' }
  | { page: 'join'; code: string }
  | { page: 'member' }
  | { page: 'missing' };

/** A campaign's month at the office, or a unit's report in it. */
export interface OfficeAsked {
  unit: string | undefined;
  campaign: string | undefined;
  month: string | undefined;
  synthetic: boolean;
}

/** What areas are compared by. */
export interface Compared {
  month: string;
  metric: Metric;
  synthetic: boolean;
}

/** Which problem areas: those of an area, or all. */
export interface Problems {
  code?: string | undefined;
  synthetic: boolean;
}

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
  if (first === 'j' && second !== undefined && third === undefined) {
    return { page: 'join', code: second };
  }
  if (first === 'me' && second === undefined) return { page: 'member' };
  if (first === 'invitation' && second === undefined) return { page: 'invitation' };
  if (first === 'office' && third === undefined) {
    const { campaign, month } = monthAsked(url);
    return { page: 'office', unit: second, campaign, month, synthetic };
  }
  if (isDesk(first) && third === undefined && (second === undefined || first === 'members')) {
    return { page: 'desk', desk: first, unit: second, ...monthAsked(url), synthetic };
  }
  if ((first === 'documents' || first === 'kit') && third === undefined) {
    return { page: first, unit: second, ...monthAsked(url), synthetic };
  }
  if (first === 'receipt' && second === undefined) return { page: 'receipt' };
  if (first === 'compare' && second === undefined) {
    return { page: 'compare', ...compared(url, synthetic) };
  }
  if (first === 'problems' && third === undefined) {
    const code = url.searchParams.get('code') ?? undefined;
    return second === undefined
      ? { page: 'problems', code, synthetic }
      : { page: 'problem', id: second };
  }
  if (first === 'areas' && second !== undefined && third === undefined) {
    return { page: 'area', code: second, ...compared(url, synthetic) };
  }
  return { page: 'missing' };
}

function compared(url: URL, synthetic: boolean): Compared {
  const month = url.searchParams.get('month') ?? '';
  const metric = url.searchParams.get('metric');
  return {
    month: isMonth(month) ? month : monthOf(new Date()),
    metric: isMetric(metric) ? metric : 'download_bits_per_second',
    synthetic,
  };
}

function wardsRoute(url: URL, synthetic: boolean): Route {
  return { page: 'wards', ...monthAsked(url), synthetic };
}

function monthAsked(url: URL): { campaign: string | undefined; month: string | undefined } {
  const month = url.searchParams.get('month') ?? '';
  const campaign = url.searchParams.get('campaign') ?? undefined;
  return { campaign, month: isMonth(month) ? month : undefined };
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

export function officePath({ campaign, month, synthetic }: Choice, unit?: string): string {
  const query = new URLSearchParams({ month, campaign });
  if (synthetic) query.set('synthetic', 'true');
  return `/office${unit === undefined ? '' : `/${encodeURIComponent(unit)}`}?${query}`;
}

export function reportPath({ campaign, month, synthetic }: Choice): string {
  return `/campaigns/${encodeURIComponent(campaign)}/${month}${synthetic ? '?synthetic=true' : ''}`;
}

export function testPath(id: string): string {
  return `/tests/${encodeURIComponent(id)}`;
}

function comparedQuery({ month, metric, synthetic }: Compared): URLSearchParams {
  const query = new URLSearchParams({ month, metric });
  if (synthetic) query.set('synthetic', 'true');
  return query;
}

export function areaPath({ code, ...asked }: Place): string {
  return `/areas/${encodeURIComponent(code)}?${comparedQuery(asked)}`;
}

export function comparePath(asked: Compared): string {
  return `/compare?${comparedQuery(asked)}`;
}

export function problemsPath({ code, synthetic }: Problems): string {
  const query = new URLSearchParams(code === undefined ? {} : { code });
  if (synthetic) query.set('synthetic', 'true');
  return query.size === 0 ? '/problems' : `/problems?${query}`;
}

export function problemPath(id: string): string {
  return `/problems/${encodeURIComponent(id)}`;
}
