// The office's own pages: their paths, and what they ask the centre.
import { call, sendList } from '../../api/client';
import type { Role, Standing, UnitDuty } from '../schema';
import type { Sheet } from '../requests';

export const DESKS = [
  'members',
  'calendar',
  'directory',
  'reconciliation',
  'accounts',
  'audit',
] as const;
export type DeskName = (typeof DESKS)[number];

export function isDesk(word: string | undefined): word is DeskName {
  return DESKS.some((desk) => desk === word);
}

/** What a page of the office is about. */
export interface Desk {
  desk: DeskName;
  unit: string | undefined;
  campaign: string | undefined;
  month: string | undefined;
  synthetic: boolean;
}

export function deskPath(desk: DeskName, sheet: Sheet, unit?: string): string {
  const query = new URLSearchParams({ month: sheet.month, campaign: sheet.campaign });
  if (sheet.synthetic) query.set('synthetic', 'true');
  return `/${desk}${unit === undefined ? '' : `/${encodeURIComponent(unit)}`}?${query}`;
}

/** The pages an account of a role has. */
export function desksOf(role: Role): DeskName[] {
  const all: Record<Role, DeskName[]> = {
    office: [...DESKS],
    coordinator: ['members', 'calendar'],
    reader: ['calendar', 'directory', 'reconciliation'],
  };
  return all[role];
}

export interface Mistake {
  row: number;
  field: string;
  what: string;
}

export interface Organisation {
  code: string;
  valid_from: string | null;
  kind: string;
  name: string;
  parent: string | null;
  contact: { person?: string; email?: string; phone?: string; address?: string };
}

/** What a list does or would do: the directory names, a roster counts. */
export interface ListPlan {
  added: number | Organisation[];
  changed: number | { before: Organisation; after: Organisation }[];
  unchanged: number;
  mistakes: Mistake[];
  imported: boolean;
}

export interface AccountLine {
  email: string;
  name: string;
  role: Role;
  organisation: string | null;
  state: 'invited' | 'enabled' | 'locked' | 'disabled';
}

export interface Invited {
  email: string;
  token: string;
}

export interface Audited {
  number: number;
  at: string;
  who: string;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
}

export interface AuditPage {
  audit: Audited[];
  before?: number;
}

export interface MemberLine {
  number: number;
  staff_code: string | null;
  name: string | null;
  joined: boolean;
  path?: string;
  done: string[];
  tests: number;
}

export interface UnitMembers {
  unit: string;
  name: string;
  month: string;
  total: UnitDuty;
  members: MemberLine[];
}

export interface UnitLine extends UnitDuty {
  unit: string;
  name: string;
}

export interface DueMonth {
  month: string;
  last_day: string | null;
  reminders: string[];
  units: number;
  reported: number;
  late: Standing[];
}

export interface Calendar {
  deadline_day: number | null;
  closed: 'next' | 'previous' | 'keep';
  months: DueMonth[];
}

export interface Reconciled {
  area: { code: string; full_name: string };
  source: number;
  provenance: string;
  official: number;
  ours: number;
  difference: number;
  steps: { by: 'rule' | 'time_zone' | 'area_edition'; tests: number; text: string }[];
  unexplained: number;
}

const OFFICE = '/api/v1/office';
const campaignPath = ({ campaign }: Sheet, rest: string): string =>
  `${OFFICE}/campaigns/${encodeURIComponent(campaign)}/${rest}`;
const monthPath = (sheet: Sheet, rest: string): string =>
  campaignPath(sheet, `months/${sheet.month}/${rest}`) + suffix(sheet);
const suffix = ({ synthetic }: Sheet): string => (synthetic ? '?synthetic=true' : '');

export const DIRECTORY = `${OFFICE}/organisations`;
export const rosterPath = (sheet: Sheet): string => campaignPath(sheet, 'roster');
export const rosterFile = (sheet: Sheet, unit: string, format: 'csv' | 'xlsx'): string =>
  campaignPath(sheet, `roster/${encodeURIComponent(unit)}/${format}`);
export const qrPath = (sheet: Sheet, unit: string, origin: string): string =>
  campaignPath(
    sheet,
    `links/${encodeURIComponent(unit)}/qr.svg?${new URLSearchParams({ origin })}`,
  );

export function lookAt(path: string, file: File, confirm: boolean): Promise<ListPlan> {
  return sendList(confirm ? `${path}?confirm=true` : path, file);
}

export async function fetchDirectory(): Promise<{ day: string; organisations: Organisation[] }> {
  return call('GET', DIRECTORY);
}

export async function fetchAccounts(): Promise<AccountLine[]> {
  return (await call<{ accounts: AccountLine[] }>('GET', `${OFFICE}/accounts`)).accounts;
}

export function inviteAccount(account: {
  email: string;
  name: string;
  role: Role;
  unit: string | null;
}): Promise<Invited> {
  return call('POST', `${OFFICE}/accounts`, account);
}

export function endAccount(email: string): Promise<void> {
  return call('DELETE', `${OFFICE}/accounts/${encodeURIComponent(email)}`);
}

export interface AuditAsked {
  who: string;
  action: string;
  subject: string;
}

export function fetchAudit(asked: AuditAsked, before?: number): Promise<AuditPage> {
  const given = Object.entries(asked)
    .map(([name, value]: [string, string]) => [name, value.trim()] as [string, string])
    .filter(([, value]) => value !== '');
  const query = new URLSearchParams(given);
  if (before !== undefined) query.set('before', String(before));
  return call('GET', `${OFFICE}/audit?${query}`);
}

export function fetchMembers(sheet: Sheet, unit: string): Promise<UnitMembers> {
  return call('GET', monthPath(sheet, `members/${encodeURIComponent(unit)}`));
}

export async function fetchUnits(sheet: Sheet): Promise<UnitLine[]> {
  return (await call<{ units: UnitLine[] }>('GET', monthPath(sheet, 'units'))).units;
}

export function makeLink(sheet: Sheet, unit: string): Promise<{ path: string }> {
  return call('POST', campaignPath(sheet, `links/${encodeURIComponent(unit)}`));
}

export function endLink(sheet: Sheet, unit: string): Promise<void> {
  return call('DELETE', campaignPath(sheet, `links/${encodeURIComponent(unit)}`));
}

export function fetchCalendar(sheet: Sheet): Promise<Calendar> {
  return call('GET', campaignPath(sheet, 'calendar') + suffix(sheet));
}

export async function fetchReconciliation(sheet: Sheet): Promise<Reconciled[]> {
  return (await call<{ counts: Reconciled[] }>('GET', monthPath(sheet, 'reconciliation'))).counts;
}

/** Days of a month as runs: `1–3, 5, 8–9`. */
export function dayRuns(days: readonly string[]): string {
  const runs: [number, number][] = [];
  for (const day of days.map((text) => Number(text.slice(8))).sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === day) last[1] = day;
    else runs.push([day, day]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}

export const daysIn = (month: string): number =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5)), 0)).getUTCDate();

/** 09/12/2024 */
export const dayText = (day: string): string => day.split('-').reverse().join('/');

/** The organisations as a tree laid out: each with its depth, below its parent. */
export function laidOut(
  all: readonly Organisation[],
): { organisation: Organisation; depth: number }[] {
  const codes = new Set(all.map(({ code }) => code));
  const below = (parent: string | null, depth: number): ReturnType<typeof laidOut> =>
    all
      .filter((o) => (o.parent !== null && codes.has(o.parent) ? o.parent : null) === parent)
      .flatMap((organisation) => [
        { organisation, depth },
        ...(depth < all.length ? below(organisation.code, depth + 1) : []),
      ]);
  return below(null, 0);
}
