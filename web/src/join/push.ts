// Reminders on this device: the browser's subscription, and what the centre
// knows of it.
import { call } from '../api/client';
import { failureOf } from '../api/problem';
import type { Member } from '../office/schema';

/** What a browser subscribes with, and what is agreed to by it. */
export interface PushKey {
  key: string;
  text: string;
}

/** Whether this browser can be reminded at all. */
export function canBeReminded(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;
}

/** The centre's key; `undefined` where it reminds no devices. */
export async function fetchPushKey(): Promise<PushKey | undefined> {
  try {
    return await call<PushKey>('GET', '/api/v1/push/key');
  } catch (thrown) {
    const failure = failureOf(thrown);
    if (failure.kind === 'problem' && failure.name === 'push_off') return undefined;
    throw thrown;
  }
}

/** The bytes of a key, as browsers want them. */
export function keyBytes(key: string): Uint8Array<ArrayBuffer> {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Asks the person and the browser; `undefined` where one of them says no. */
async function subscription(key: string): Promise<PushSubscription | undefined> {
  if ((await Notification.requestPermission()) !== 'granted') return undefined;
  await navigator.serviceWorker.register('/push.js');
  const { pushManager } = await navigator.serviceWorker.ready;
  try {
    return await pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: keyBytes(key),
    });
  } catch {
    // No push service, or it could not be reached.
    return undefined;
  }
}

/** Subscribes this device; `undefined` where it cannot be. */
export async function subscribe(token: string, { key }: PushKey): Promise<Member | undefined> {
  const { endpoint, keys } = (await subscription(key))?.toJSON() ?? {};
  const { p256dh, auth } = keys ?? {};
  if (endpoint === undefined || p256dh === undefined || auth === undefined) return undefined;
  return call('POST', '/api/v1/members/me/push', { endpoint, p256dh, auth }, token);
}

/** Ends the browser's own part, once the centre has forgotten the address. */
export async function unsubscribe(): Promise<void> {
  if (!canBeReminded()) return;
  const registration = await navigator.serviceWorker.getRegistration('/push.js');
  const held = await registration?.pushManager.getSubscription();
  await held?.unsubscribe();
}
