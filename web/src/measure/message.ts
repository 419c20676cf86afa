// What the worker and the page say to each other.
import type { Mode, Network, Observed, ObservedDirection, Receipt, Session } from '../api/schema';
import type { Bytes, Microseconds } from '../unit';
import type { Direction } from './direction';
import type { Trouble } from './trouble';

export interface Start {
  /** Asked for; the site's reply says which one is run. */
  mode: Mode;
  network: Network | undefined;
  metered: boolean;
}

/** A test as measured, with the site's word for it. */
export interface Measured {
  session: Session;
  receipt: Receipt;
  observed: Observed;
  /** Start of the test by the site's clock, RFC 3339. */
  measured_at: string;
  used: Bytes;
  /** Why a direction is missing. */
  trouble: Trouble | undefined;
}

export type Message =
  | { kind: 'idle_rtt'; audit: boolean }
  | { kind: 'idle_done'; idle_rtt: Microseconds | undefined }
  | { kind: 'bins'; direction: Direction; mode: Mode; bins: number[] }
  /** Only now is the direction measured; bins alone may yet prove void. */
  | { kind: 'direction_done'; direction: Direction; observed: ObservedDirection }
  | { kind: 'receipt' }
  | { kind: 'done'; measured: Measured }
  | { kind: 'failed'; trouble: Trouble };
