// Types of the office's part of the contract: docs/api.md.
import type { Area, NotCounted } from '../api/schema';

export type Role = 'office' | 'coordinator' | 'reader';
export type ReportState = 'draft' | 'submitted' | 'returned' | 'accepted';

/** Who is signed in. */
export interface Account {
  name: string;
  role: Role;
  unit: string | null;
}

/** Where a unit's report stands. */
export interface Standing {
  unit: string;
  name: string;
  state: ReportState | null;
  submitted_at: string | null;
  late: boolean;
}

export interface Standings {
  month: string;
  synthetic: boolean;
  last_day: string | null;
  units: Standing[];
}

export interface WardFigures {
  full_name: string;
  quota: number;
  counted: number;
  devices: number;
  shortfall: number;
}

export interface UnitDuty {
  members: number;
  active: number;
  member_days: number;
  tests: number;
}

export interface UnitFigures {
  ward: WardFigures | null;
  duty: UnitDuty;
}

/** What a unit writes; a number that was not counted is `null`. */
export interface Written {
  people_informed: number | null;
  announcements: number | null;
  remarks: string;
  difficulties: string;
  proposals: string;
}

export interface ReportEvent {
  number: number;
  at: string;
  who: string;
  state: ReportState;
  note: string | null;
}

export interface ReportForm {
  unit: { code: string; name: string; area_code: string | null };
  month: string;
  synthetic: boolean;
  state: ReportState | null;
  last_day: string | null;
  late: boolean;
  figures: UnitFigures;
  written: Written;
  history: ReportEvent[];
}

export type Step =
  | { step: 'save' | 'submit'; after: number; written: Written }
  | { step: 'return'; after: number; note: string }
  | { step: 'accept'; after: number };

export interface Projection {
  expected: number;
  range: [number, number];
  /** 0 to 1. */
  probability: number;
  needed_per_day?: number;
}

export interface WardProgress {
  area: Area;
  quota: number;
  counted: number;
  devices: number;
  shortfall: number;
  not_counted: NotCounted;
  projection: Projection;
  wanted: { text: string }[];
}

export interface Placed {
  place: number;
  code: string;
  name: string;
  points: number;
  devices: number;
}

export interface Progress {
  wards: WardProgress[];
  league: Placed[];
}

/** What a unit's link asks for. */
export interface Invitation {
  campaign: string;
  name: string;
  unit: string;
  organisation: string;
  tests_a_day: number;
  purposes: { purpose: 'duty' | 'reminder_email'; text: string }[];
}

export interface Wish {
  code: string;
  device: string;
  consents: string[];
  email?: string;
}

/** Everything that is known of a member, for itself. */
export interface Member {
  member: { number: number; email: string | null };
  unit: string;
  device: string | null;
  consents: { purpose: string; given_at: string; withdrawn_at: string | null }[];
  /** Day and number of tests. */
  days: [string, number][];
  /** Where it is reminded on its device, if it is. */
  push_endpoint: string | null;
  slot_today: { from_hour: number; to_hour: number };
}
