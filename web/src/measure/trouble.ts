// Why a test, or a direction of it, could not be measured.
import { askWhyRefused } from '../api/client';
import { failureOf, type Failure } from '../api/problem';

export type Trouble =
  /** No network, or it died on the way. */
  | 'offline'
  /** The site is full. */
  | 'busy'
  /** Something between here and the site does not let the test through. */
  | 'blocked'
  /** The site failed, or refused for a reason of its own. */
  | 'site_error'
  /** The device put the page to sleep, so its clock says nothing. */
  | 'interrupted';

export class Troubled extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

export function troubleOfFailure(failure: Failure): Trouble {
  switch (failure.kind) {
    case 'offline':
      return 'offline';
    case 'intercepted':
      return 'blocked';
    case 'problem':
      return failure.name === 'site_busy' ? 'busy' : 'site_error';
    default:
      return failure satisfies never;
  }
}

export function troubleOf(thrown: unknown): Trouble {
  return thrown instanceof Troubled ? thrown.trouble : troubleOfFailure(failureOf(thrown));
}

/**
 * Finds out why a WebSocket was refused, which browsers do not tell: the same
 * path asked by plain HTTP answers `upgrade_required` when all is well, and
 * then it is the upgrade that does not get through.
 */
export async function troubleOfRefusal(kind: string, token: string): Promise<Trouble> {
  const failure = await askWhyRefused(kind, token).then(
    (): Failure => ({ kind: 'intercepted', status: 200 }),
    failureOf,
  );
  const upgradeRefused = failure.kind === 'problem' && failure.name === 'upgrade_required';
  return upgradeRefused ? 'blocked' : troubleOfFailure(failure);
}
