// What carries the latency probes: WebTransport datagrams where the site and
// the browser have them, a WebSocket otherwise. Datagrams that are lost stay
// lost, where TCP would send them again and show the loss as delay.
import { siteUrl } from '../api/client';
import type { Session, WebTransportOffer } from '../api/schema';
import { pause } from './pause';
import { connect, opened } from './socket';

/** A way for small messages that come back as they are. */
export interface Carrier {
  readonly name: 'webtransport' | 'websocket';
  isOpen(): boolean;
  send(message: Uint8Array<ArrayBuffer>): void;
  /** Where answers go; one listener. */
  hear(answer: (message: Uint8Array) => void): void;
  close(): void;
}

/** Where UDP is blocked nothing answers; the user should not wait for it. */
const DATAGRAMS_WITHIN_MS = 1_500;

/** The best carrier that can be had; fails where not even a WebSocket opens. */
export async function openCarrier(session: Session): Promise<Carrier> {
  return (await openDatagrams(session)) ?? (await openSocket(session.token));
}

async function openSocket(token: string): Promise<Carrier> {
  const socket = connect('latency', token);
  await opened(socket, 'latency', token);
  return {
    name: 'websocket',
    isOpen: () => socket.readyState === WebSocket.OPEN,
    send: (message) => socket.send(message),
    hear: (answer) => {
      socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
        if (data instanceof ArrayBuffer) answer(new Uint8Array(data));
      });
    },
    close: () => socket.close(),
  };
}

async function openDatagrams({ webtransport, token }: Session): Promise<Carrier | undefined> {
  // Absent in older browsers, and on pages without https.
  if (webtransport === undefined || !('WebTransport' in globalThis)) return undefined;
  const transport = dial(webtransport, token);
  if (transport === undefined) return undefined;
  const state = { open: false };
  const ended = (): void => void (state.open = false);
  transport.closed.then(ended, ended);
  const ready = transport.ready.then(
    () => true,
    () => false,
  );
  state.open = await Promise.race([ready, pause(DATAGRAMS_WITHIN_MS).then(() => false)]);
  if (state.open) return datagrams(transport, state);
  transport.close();
  return undefined;
}

function dial(offer: WebTransportOffer, token: string): WebTransport | undefined {
  const url = siteUrl('/measure/v1/latency');
  url.protocol = 'https:';
  url.port = String(offer.port);
  url.searchParams.set('token', token);
  const serverCertificateHashes = offer.certificate_sha256?.map((hex) => ({
    algorithm: 'sha-256',
    value: bytesOf(hex),
  }));
  try {
    return new WebTransport(url.href, serverCertificateHashes && { serverCertificateHashes });
  } catch {
    return undefined;
  }
}

/** Bytes of hex digits. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  const digits = hex.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(digits, (pair) => parseInt(pair, 16));
}

function datagrams(transport: WebTransport, state: { open: boolean }): Carrier {
  const writer = transport.datagrams.writable.getWriter();
  return {
    name: 'webtransport',
    isOpen: () => state.open,
    send: (message) => void writer.write(message).catch(() => undefined),
    hear: (answer) => void read(transport.datagrams.readable, answer).catch(() => undefined),
    close: () => transport.close(),
  };
}

async function read(
  stream: ReadableStream<Uint8Array>,
  answer: (message: Uint8Array) => void,
): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    answer(value);
  }
}
