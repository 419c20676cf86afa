// What becomes of a finished test on its way to the centre.
import type { Failure } from '../api/problem';
import type { Problem, Submission, TestView } from '../api/schema';
import type { BitsPerSecond } from '../unit';

export type Delivery =
  /** `attempts` that failed so far. */
  | { at: 'queued'; attempts: number }
  | { at: 'acknowledged'; test: TestView }
  | { at: 'refused'; name: string; problem: Problem };

/** A submission that waits; it leaves only when the centre has answered for it. */
export interface Waiting {
  test_id: string;
  submission: Submission;
  attempts: number;
  /** Not before this time, unless the network came back. */
  next_ms: number;
}

/** One line of this device's own results. */
export interface Remembered {
  test_id: string;
  measured_at: string;
  download?: BitsPerSecond;
  upload?: BitsPerSecond;
  used_bytes: number;
  delivery: Delivery;
}

export type Step =
  | { step: 'acknowledge'; test: TestView }
  | { step: 'refuse'; name: string; problem: Problem }
  | { step: 'resend_without_position' }
  | { step: 'wait' };

/** Statuses that may be different tomorrow, though they begin with 4. */
const PASSING = [408, 425, 429];

/** What to do after an answer that was not a success. */
export function stepAfter(failure: Failure, hasPosition: boolean): Step {
  if (failure.kind !== 'problem') return { step: 'wait' };
  const { name, problem } = failure;
  if (problem.status >= 500 || PASSING.includes(problem.status)) return { step: 'wait' };
  if (name === 'position_impossible' && hasPosition) return { step: 'resend_without_position' };
  return { step: 'refuse', name, problem };
}

const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 15 * 60_000;

export function waitAfter(attempts: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
}

export function withoutPosition(submission: Submission): Submission {
  const { position: _, ...context } = submission.context;
  return { ...submission, context };
}
