// Types of the contract: docs/api.md and docs/protocol/ispeed-v1.md. A key
// that is absent says "not known" or "not measured"; zero is measured.
import type { BitsPerSecond, Bytes, Microseconds } from '../unit';

export type Network = 'mobile' | 'wifi' | 'ethernet';
export type Technology = '2g' | '3g' | '4g' | '5g';

/** How long a direction goes on, and how it is averaged. */
export const MODES = ['full', 'accurate', 'saver'] as const;
export type Mode = (typeof MODES)[number];

export interface Parameters {
  streams: number;
  bin_us: number;
  ramp_cap_us: number;
  measured_us: number;
  idle_probes: number;
  probe_interval_us: number;
  waiting_time_us: number;
}

export interface Session {
  test_id: string;
  nonce: string;
  token: string;
  server_time: string;
  site: string;
  method: number;
  /** One of `MODES`, or one of a later version. */
  mode: string;
  /** Whether the site runs mode `full` instead of the one asked for, for its audit. */
  audit?: boolean;
  parameters: Parameters;
  /** Whether the site tells what arrives. */
  arrivals?: boolean;
  webtransport?: WebTransportOffer;
}

/** Where latency probes may go as datagrams. */
export interface WebTransportOffer {
  /** UDP port on the site's host. */
  port: number;
  /** Certificates to accept, hex; absent where an authority vouches for the site's. */
  certificate_sha256?: string[];
}

export interface ReceiptSubtest {
  duration_us: number;
  bin_us: number;
  bins_bytes: number[];
  /** What had arrived at the receiving host; absent where the kernel does not tell. */
  arrived_bytes?: number[];
  stop: 'client' | 'time_cap' | 'byte_cap' | 'session_cap' | 'failed';
}

/** Sent on unchanged: what is not read here still belongs to the signature. */
export interface Receipt {
  test_id: string;
  download?: ReceiptSubtest;
  upload?: ReceiptSubtest;
}

export type StopReason = 'fixed' | 'converged' | 'time_cap' | 'byte_cap';

export interface ObservedDirection {
  bin_us: number;
  bins_bytes: number[];
  stop_reason: StopReason;
  goodput_bits_per_second?: BitsPerSecond;
  interval_bits_per_second?: [BitsPerSecond, BitsPerSecond];
  p90_bits_per_second?: BitsPerSecond;
  mean_bits_per_second?: BitsPerSecond;
  bytes: Bytes;
  duration_us: Microseconds;
  ramp_us?: Microseconds;
  /** When the last stream was known to be past BBR's STARTUP. */
  startup_left_us?: Microseconds;
  /** Ticks of this device's timer that came late, in thousandths. */
  lag_share_per_mille?: number;
}

export interface Probes {
  sent: number;
  received: number;
  rtt_us: number[];
}

export interface Observed {
  download?: ObservedDirection;
  upload?: ObservedDirection;
  idle?: Probes;
  working_download?: Probes;
  working_upload?: Probes;
  /** What carried the probes. */
  connection: 'websocket' | 'webtransport';
  selection?: Selection;
  ipv4?: Reachable;
  ipv6?: Reachable;
}

/** Which sites were asked, and why one was taken. */
export interface Selection {
  reason: 'only' | 'least_rtt' | 'tie';
  chosen?: string;
  candidates: Asked[];
}

export interface Asked {
  site: string;
  reason: string;
  on_net?: boolean;
  /** Least of three; absent when it did not answer. */
  rtt_us?: number;
}

/** How a family of addresses reaches a site; absent where that is not known. */
export interface Reachable {
  available: boolean;
  /** Median of ten. */
  rtt_us?: number;
}

export interface Nearest {
  candidates: Candidate[];
}

export interface Candidate {
  site: string;
  reason: string;
  on_net?: boolean;
  urls: string[];
  ipv4_url?: string;
  ipv6_url?: string;
}

export interface Position {
  latitude_degrees: number;
  longitude_degrees: number;
  accuracy_metres: number;
}

export interface Context {
  measured_at: string;
  position?: Position;
  network?: Network;
  technology?: Technology;
  operator?: string;
  device: string;
  unit?: string;
  app: { name: 'web'; version: string };
}

export interface Submission {
  submission: '1';
  receipt: Receipt;
  nonce: string;
  observed: Observed;
  context: Context;
}

export const REASONS = [
  'incomplete',
  'too_old',
  'from_future',
  'not_mobile',
  'unlocated',
  'outside',
  'repeat',
  'client_limited',
  'device_cap',
  'mock_location',
  'impossible_travel',
  'operator_mismatch',
  'roaming_or_vpn',
  'foreign_address',
  'implausible',
] as const;
export type Reason = (typeof REASONS)[number];
export type CountsFor = 'quota' | 'ward' | 'operator' | 'country';
export type TestState = 'accepted' | 'limited' | 'excluded' | 'incomplete';

export interface Area {
  code: string;
  valid_from: string | null;
  name: string;
  full_name: string;
  approximate: boolean;
}

/** What limited a direction. */
export const LIMITED_BY = ['receive_window', 'sender', 'network', 'client_cpu', 'unknown'] as const;
export type LimitedBy = (typeof LIMITED_BY)[number];

export interface TestView {
  test_id: string;
  state: TestState;
  reasons: Reason[];
  counts_for: CountsFor[];
  edition: number;
  synthetic: boolean;
  measured_at: string;
  received_at: string;
  area?: Area;
  operator?: string;
  technology?: string;
  download_bits_per_second?: BitsPerSecond;
  upload_bits_per_second?: BitsPerSecond;
  idle_rtt_us?: Microseconds;
  working_rtt_us?: Microseconds;
  download_limited_by?: LimitedBy;
  upload_limited_by?: LimitedBy;
  site: string;
}

export type Figure<Unit extends number> =
  | {
      state: 'published';
      n: number;
      median: Unit;
      median_interval?: [Unit, Unit];
      mean?: Unit;
      p25?: Unit;
      p75?: Unit;
      n_effective?: number;
      grade?: string;
    }
  | { state: 'withheld'; n: number };

export type Rule = 'raw' | 'qualified';
export type NotCounted = Readonly<Record<string, number>>;

export interface Campaign {
  id: string;
  name: string;
  quota: number;
  rule: Rule;
  months: string[];
}

export interface CampaignRow {
  area: Area;
  quota: number;
  counted: number;
  raw: number;
  qualified: number;
  devices: number;
  shortfall: number;
  reached: boolean;
  not_counted: NotCounted;
  download_bits_per_second?: Figure<BitsPerSecond>;
  upload_bits_per_second?: Figure<BitsPerSecond>;
  idle_rtt_us?: Figure<Microseconds>;
}

export interface CampaignTotal {
  counted: number;
  raw: number;
  qualified: number;
  reached_areas: number;
  areas: number;
  not_counted: NotCounted;
}

export interface CampaignMonth {
  campaign: string;
  name: string;
  month: string;
  synthetic: boolean;
  approximate: boolean;
  quota: number;
  rule: Rule;
  rows: CampaignRow[];
  total: CampaignTotal;
}

/** The figures of one operator (or `all`, `unknown`) and technology. */
export interface FigureRow {
  operator: string;
  technology: string;
  tests: number;
  devices: number;
  device_days: number;
  download_bits_per_second?: Figure<BitsPerSecond>;
  upload_bits_per_second?: Figure<BitsPerSecond>;
  idle_rtt_us?: Figure<Microseconds>;
}

export interface AreaFigures {
  area: Area;
  month: string;
  synthetic: boolean;
  edition: number;
  figures: FigureRow[];
}

export interface ComparisonTable {
  month: string;
  synthetic: boolean;
  metric: string;
  technology: string;
  /** Best first; what is withheld last, without a tier. */
  rows: { area: Area; tier?: number; figures: FigureRow }[];
}

export type ProblemState = 'opened' | 'handed_over' | 'answered' | 're_measured' | 'closed';

/** Where an operator is slow. */
export interface ProblemLine {
  problem_id: string;
  operator: string;
  technology: string;
  state: ProblemState;
  area?: Area;
  /** Months in which it was found, ascending. */
  months: string[];
  limit_bits_per_second: BitsPerSecond;
  median_bits_per_second: BitsPerSecond;
  tests: number;
  device_days: number;
  /** Device-days below the limit. */
  below: number;
  /** 95 % interval of their share, 0 to 1. */
  below_interval: [number, number];
}

export interface ProblemAreas {
  problem_areas: ProblemLine[];
  /** Known, and of too few device-days to be published. */
  withheld: number;
}

/** What is known before or after; without the counts below the floor. */
export interface ProblemSide {
  device_days: number;
  below?: number;
  below_interval?: [number, number];
}

export interface ProblemSheet extends ProblemLine {
  synthetic: boolean;
  /** Bands of the day; without counts below three devices. */
  hours: { from_hour: number; to_hour: number; device_days?: number; below?: number }[];
  operators: {
    operator: string;
    tests: number;
    device_days: number;
    median_bits_per_second?: BitsPerSecond;
    below?: number;
  }[];
  technologies: { technology: string; tests: number }[];
  history: { at: string; event: string }[];
  before_after?: { month: string; before: ProblemSide; after: ProblemSide; improved: boolean };
}

export interface Operator {
  id: string;
  brand: string;
  mobile: boolean;
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  field?: string;
  remedy?: string;
  why?: string;
}
