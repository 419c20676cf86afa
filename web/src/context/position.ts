// Where the test is made: asked of the browser, never required.
import type { Position } from '../api/schema';

export type Located =
  | { at: 'off' }
  | { at: 'searching' }
  | { at: 'found'; position: Position; takenMs: number }
  | { at: 'denied' }
  | { at: 'unavailable' };

/** A position older than this says where the person was, not where the test is. */
const FRESH_MS = 60_000;
const WITHIN_MS = 20_000;

export function locate(): Promise<Located> {
  if (!('geolocation' in navigator)) return Promise.resolve({ at: 'unavailable' });
  return new Promise((resolve) => {
    navigator.geolocation.getCurrentPosition(
      (found) => resolve(located(found)),
      (error) => resolve({ at: error.code === error.PERMISSION_DENIED ? 'denied' : 'unavailable' }),
      { enableHighAccuracy: true, maximumAge: 0, timeout: WITHIN_MS },
    );
  });
}

function located({ coords, timestamp }: GeolocationPosition): Located {
  const position: Position = {
    latitude_degrees: coords.latitude,
    longitude_degrees: coords.longitude,
    accuracy_metres: coords.accuracy,
  };
  return { at: 'found', position, takenMs: timestamp };
}

/** The position, if it is one and was taken no longer than a minute ago. */
export function freshPosition(located: Located, nowMs: number): Position | undefined {
  if (located.at !== 'found') return undefined;
  return nowMs - located.takenMs <= FRESH_MS ? located.position : undefined;
}

/** Whether the browser would answer without asking the person. */
export async function mayLocate(): Promise<PermissionState> {
  try {
    return (await navigator.permissions.query({ name: 'geolocation' })).state;
  } catch {
    return 'prompt';
  }
}
