// What can go wrong with a request, cut by what the caller can do about it.
import type { Problem } from './schema';

export type Failure =
  /** No answer: no network, or nobody there. Try again later. */
  | { kind: 'offline' }
  /** Something between us and the site answered instead of it. */
  | { kind: 'intercepted'; status: number }
  /** The server answered, and said what is wrong. */
  | { kind: 'problem'; name: string; problem: Problem };

/** Carries a failure through a promise. */
export class RequestError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind === 'problem' ? failure.problem.title : failure.kind);
    this.failure = failure;
  }
}

const PREFIX = 'urn:ispeed:problem:';

export function problemName(problem: Problem): string {
  return problem.type.startsWith(PREFIX) ? problem.type.slice(PREFIX.length) : 'unknown';
}

/** Whatever was thrown, as a failure; a fetch that throws had no answer. */
export function failureOf(thrown: unknown): Failure {
  return thrown instanceof RequestError ? thrown.failure : { kind: 'offline' };
}

function isProblem(body: unknown): body is Problem {
  return (
    typeof body === 'object' &&
    body !== null &&
    'type' in body &&
    typeof body.type === 'string' &&
    'status' in body &&
    typeof body.status === 'number'
  );
}

/** The failure that an answer which is not a success stands for. */
export function failureOfAnswer(status: number, body: unknown): Failure {
  if (isProblem(body)) return { kind: 'problem', name: problemName(body), problem: body };
  // The server itself, or the proxy before it, is in trouble.
  if (status >= 500) {
    const problem = { type: 'about:blank', title: `HTTP ${status}`, status };
    return { kind: 'problem', name: 'server_error', problem };
  }
  return { kind: 'intercepted', status };
}
