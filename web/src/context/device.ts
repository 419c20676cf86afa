// A random pseudonym of this browser: it tells devices apart, not people.
import { recall, remember } from './preference';

/** `crypto.randomUUID` exists only where the page came by HTTPS. */
function randomName(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

let made: string | undefined;

export function device(): string {
  made ??= recall('device') ?? randomName();
  remember('device', made);
  return made;
}
