// What the office's pages ask the centre.
import { call } from '../api/client';
import { failureOf } from '../api/problem';
import type {
  Account,
  Invitation,
  Member,
  Progress,
  ReportForm,
  Standings,
  Step,
  Wish,
} from './schema';

/** A campaign's month. */
export interface Sheet {
  campaign: string;
  month: string;
  synthetic: boolean;
}

const SESSION = '/api/v1/office/session';

/** Who is signed in; `undefined` where nobody is. */
export async function fetchAccount(): Promise<Account | undefined> {
  try {
    return await call<Account>('GET', SESSION);
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (failure.kind === 'problem' && failure.name === 'signed_out') return undefined;
    throw thrown;
  }
}

export function signIn(email: string, password: string): Promise<Account> {
  return call('POST', SESSION, { email, password });
}

export function signOut(): Promise<void> {
  return call('DELETE', SESSION);
}

export function takeUp(token: string, password: string): Promise<void> {
  return call('POST', '/api/v1/office/invitations', { token, password });
}

function path({ campaign, month }: Sheet, rest: string): string {
  return `/api/v1/office/campaigns/${encodeURIComponent(campaign)}/months/${month}/${rest}`;
}

const suffix = ({ synthetic }: Sheet): string => (synthetic ? '?synthetic=true' : '');

export function fetchStandings(sheet: Sheet): Promise<Standings> {
  return call('GET', path(sheet, 'reports') + suffix(sheet));
}

export function fetchReport(sheet: Sheet, unit: string): Promise<ReportForm> {
  return call('GET', path(sheet, `reports/${encodeURIComponent(unit)}`) + suffix(sheet));
}

export function moveReport(sheet: Sheet, unit: string, step: Step): Promise<ReportForm> {
  return call('POST', path(sheet, `reports/${encodeURIComponent(unit)}`) + suffix(sheet), step);
}

export function fetchProgress(sheet: Sheet): Promise<Progress> {
  const { campaign, month } = sheet;
  const base = `/api/v1/campaigns/${encodeURIComponent(campaign)}/months/${month}/progress`;
  return call('GET', base + suffix(sheet));
}

export function fetchInvitation(code: string): Promise<Invitation> {
  return call('GET', `/api/v1/units/${encodeURIComponent(code)}`);
}

export function join(wish: Wish): Promise<{ number: number; token: string }> {
  return call('POST', '/api/v1/members', wish);
}

/** Everything that is known of the member who holds a token. */
export function fetchMember(token: string): Promise<Member> {
  return call('GET', '/api/v1/members/me', undefined, token);
}

export function setConsent(token: string, purpose: string, given: boolean): Promise<Member> {
  return call('POST', '/api/v1/members/me/consents', { purpose, given }, token);
}

export function eraseMember(token: string): Promise<void> {
  return call('DELETE', '/api/v1/members/me', undefined, token);
}
