// A measuring connection: RFC 6455 with subprotocol `ispeed.v1`.
import { siteUrl } from '../api/client';
import { pause } from './pause';
import { Troubled, troubleOfRefusal } from './trouble';

export type Kind = 'latency' | 'arrivals' | 'download' | 'upload';

const PROTOCOL = 'ispeed.v1';
export const OPEN_WITHIN_MS = 8_000;

export function connect(kind: Kind, token: string): WebSocket {
  const url = siteUrl(`/measure/v1/${kind}`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('token', token);
  const socket = new WebSocket(url, PROTOCOL);
  socket.binaryType = 'arraybuffer';
  return socket;
}

/** Resolves when the connection is open; fails with the reason it did not. */
export async function opened(socket: WebSocket, kind: Kind, token: string): Promise<void> {
  const settled = new Promise<boolean>((resolve) => {
    socket.addEventListener('open', () => resolve(true));
    socket.addEventListener('close', () => resolve(false));
  });
  const open = await Promise.race([settled, pause(OPEN_WITHIN_MS).then(() => undefined)]);
  if (open) return;
  socket.close();
  throw new Troubled(open === undefined ? 'offline' : await troubleOfRefusal(kind, token));
}
