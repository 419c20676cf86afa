// Addresses of documents and kits, with the fields that are given by hand.
import type { Sheet } from './requests';
import { failureOfAnswer, RequestError } from '../api/problem';

/** Documents of a campaign, and of a unit with a ward. */
export const OF_CAMPAIGN = ['letter', 'report', 'launch'] as const;
export const OF_UNIT = ['report', 'bulletin'] as const;
export type PaperName = (typeof OF_CAMPAIGN)[number] | (typeof OF_UNIT)[number];
export type Format = 'pdf' | 'docx' | 'xlsx';

/** What the records clerk fills in; empty fields stay blank in the document. */
export interface Fields {
  number: string;
  date: string;
  authority: string;
  title: string;
  signer: string;
}

/** Whose document: a campaign's month, and a unit of it or none. */
export interface Whose extends Sheet {
  unit: string | undefined;
}

function base({ campaign, month, unit }: Whose): string {
  const whole = `/api/v1/office/campaigns/${encodeURIComponent(campaign)}/months/${month}`;
  return unit === undefined ? whole : `${whole}/units/${encodeURIComponent(unit)}`;
}

function query(whose: Whose, said: [string, string][]): string {
  const query = new URLSearchParams(said.filter(([, value]) => value.trim() !== ''));
  if (whose.synthetic) query.set('synthetic', 'true');
  return query.size === 0 ? '' : `?${query}`;
}

export function paperUrl(whose: Whose, name: PaperName, format: Format, fields: Fields): string {
  return `${base(whose)}/documents/${name}.${format}${query(whose, Object.entries(fields))}`;
}

export function kitUrl(whose: Whose, file: string, link: string): string {
  return `${base(whose)}/kit/${file}${query(whose, [['link', link]])}`;
}

/** A file that is there, or why it is not; the file itself is not kept. */
export async function made(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(60_000), redirect: 'manual' });
  if (response.ok) return response;
  const problem = (response.headers.get('content-type') ?? '').includes('json');
  const body: unknown = problem ? await response.json() : undefined;
  throw new RequestError(failureOfAnswer(response.status, body));
}

/** The page of documents, or of the kit. */
export function papersPath(page: 'documents' | 'kit', whose: Whose): string {
  const query = new URLSearchParams({ month: whose.month, campaign: whose.campaign });
  if (whose.synthetic) query.set('synthetic', 'true');
  const unit = whose.unit === undefined ? '' : `/${encodeURIComponent(whose.unit)}`;
  return `/${page}${unit}?${query}`;
}
