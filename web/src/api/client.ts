// The one place that fetches. Every answer that is not the JSON the contract
// promises becomes a `RequestError` that says which kind it is.
import type {
  AreaFigures,
  Campaign,
  CampaignMonth,
  ComparisonTable,
  Mode,
  Nearest,
  Network,
  Operator,
  ProblemAreas,
  ProblemSheet,
  Receipt,
  Session,
  Submission,
  TestView,
} from './schema';
import { failureOfAnswer, RequestError } from './problem';

const PATIENCE_MS = 10_000;
/** Asked for twice, so that a dead network is known within 15 s. */
const RECEIPT_PATIENCE_MS = 5_000;

/** The site that tests run against, once it is chosen; '' is this page's own. */
let site = '';

export function measureAgainst(origin: string): void {
  site = origin;
}

/** A URL of that site. */
export function siteUrl(path: string): URL {
  return new URL(path, site || location.origin);
}

function isJson(response: Response): boolean {
  return /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
}

async function request<Body>(path: string, init: RequestInit = {}): Promise<Body> {
  const response = await fetch(path, {
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...init,
    // A captive portal answers with a redirection to its own page.
    redirect: 'manual',
  });
  const body: unknown = isJson(response) ? await response.json() : undefined;
  if (response.ok && body !== undefined) return body as Body;
  throw new RequestError(failureOfAnswer(response.status, body));
}

function post<Body>(path: string, body: unknown): Promise<Body> {
  return request<Body>(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/**
 * A request of the office's and the members' pages, a member's with its token;
 * an answer without content is `undefined`.
 */
export async function call<Body>(
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<Body> {
  const response = await fetch(path, {
    method,
    signal: AbortSignal.timeout(PATIENCE_MS),
    redirect: 'manual',
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.status === 204) return undefined as Body;
  const answer: unknown = isJson(response) ? await response.json() : undefined;
  if (response.ok && answer !== undefined) return answer as Body;
  throw new RequestError(failureOfAnswer(response.status, answer));
}

/** How long a list of many thousand rows may take over a slow line. */
const LIST_PATIENCE_MS = 180_000;
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** Sends a list, CSV or XLSX by its name. */
export async function sendList<Body>(path: string, file: File): Promise<Body> {
  const kind = file.name.toLowerCase().endsWith('.xlsx') ? XLSX : 'text/csv';
  return request<Body>(path, {
    method: 'POST',
    signal: AbortSignal.timeout(LIST_PATIENCE_MS),
    headers: { 'content-type': kind },
    body: file,
  });
}

export interface Asked {
  mode: Mode;
  network: Network | undefined;
  /** The person pays for data, or wants to save them. */
  metered: boolean;
}

export function openSession({ mode, network, metered }: Asked): Promise<Session> {
  const stated = { ...(network && { network }), ...(metered && { metered }) };
  return post(`${site}/api/v1/session`, { mode, ...stated });
}

export function fetchReceipt(session: Session): Promise<Receipt> {
  return request(`${site}/api/v1/session/${session.test_id}/receipt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session.token}` },
    signal: AbortSignal.timeout(RECEIPT_PATIENCE_MS),
  });
}

/** Asks a measuring path without an upgrade, only to hear why it refuses. */
export function askWhyRefused(kind: string, token: string): Promise<unknown> {
  return request(`${site}/measure/v1/${kind}?token=${encodeURIComponent(token)}`);
}

export function fetchNearest(): Promise<Nearest> {
  return request('/api/v1/sites/nearest');
}

/** Round trip to a site, whole microseconds. */
export async function ping(origin: string): Promise<number> {
  const sentMs = performance.now();
  const response = await fetch(`${origin}/measure/v1/ping`, {
    signal: AbortSignal.timeout(PATIENCE_MS),
    cache: 'no-store',
  });
  const rtt = Math.round((performance.now() - sentMs) * 1000);
  if (response.status !== 204) {
    throw new RequestError(failureOfAnswer(response.status, undefined));
  }
  return rtt;
}

export function submitTest(submission: Submission): Promise<TestView> {
  return post('/api/v1/tests', submission);
}

export function fetchTest(id: string): Promise<TestView> {
  return request(`/api/v1/tests/${encodeURIComponent(id)}`);
}

export async function fetchOperators(): Promise<Operator[]> {
  return (await request<{ operators: Operator[] }>('/api/v1/operators')).operators;
}

export async function fetchCampaigns(): Promise<Campaign[]> {
  return (await request<{ campaigns: Campaign[] }>('/api/v1/campaigns')).campaigns;
}

export interface MonthQuery {
  campaign: string;
  month: string;
  synthetic: boolean;
}

function monthPath({ campaign, month }: MonthQuery): string {
  return `/api/v1/campaigns/${encodeURIComponent(campaign)}/months/${month}`;
}

const suffix = ({ synthetic }: MonthQuery): string => (synthetic ? '?synthetic=true' : '');

export function fetchCampaignMonth(query: MonthQuery): Promise<CampaignMonth> {
  return request(monthPath(query) + suffix(query));
}

export function reportLink(query: MonthQuery, format: 'csv' | 'xlsx'): string {
  return `${monthPath(query)}/report.${format}${suffix(query)}`;
}

export function fetchAreaFigures(query: {
  code: string;
  month: string;
  synthetic: boolean;
}): Promise<AreaFigures> {
  const asked = new URLSearchParams({ month: query.month });
  if (query.synthetic) asked.set('synthetic', 'true');
  return request(`/api/v1/areas/${encodeURIComponent(query.code)}/figures?${asked}`);
}

export function fetchComparison(query: {
  month: string;
  metric: string;
  synthetic: boolean;
}): Promise<ComparisonTable> {
  const asked = new URLSearchParams({ month: query.month, metric: query.metric });
  if (query.synthetic) asked.set('synthetic', 'true');
  return request(`/api/v1/compare?${asked}`);
}

export function fetchProblems(synthetic: boolean): Promise<ProblemAreas> {
  return request(`/api/v1/problem-areas${synthetic ? '?synthetic=true' : ''}`);
}

export function fetchProblem(id: string): Promise<ProblemSheet> {
  return request(`/api/v1/problem-areas/${encodeURIComponent(id)}`);
}
