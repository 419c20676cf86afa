// The connections of one direction: two at once, one more every 200 ms.
import { connect, opened, type Kind } from './socket';

export interface StreamEvents {
  opened(stream: number, socket: WebSocket): void;
  message(stream: number, data: ArrayBuffer | string): void;
  ended(stream: number): void;
}

export type Cap = 'time_cap' | 'byte_cap';

const FIRST_STREAMS = 2;
const STAGGER_MS = 200;
const DONE = 1000;

function capOf(event: CloseEvent): Cap | undefined {
  return event.reason === 'time_cap' || event.reason === 'byte_cap' ? event.reason : undefined;
}

export class Streams {
  readonly #sockets: WebSocket[] = [];
  readonly #open = new Set<number>();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #kind: Exclude<Kind, 'latency'>;
  readonly #token: string;
  readonly #events: StreamEvents;
  #cap: Cap | undefined;

  constructor(kind: Exclude<Kind, 'latency'>, token: string, events: StreamEvents) {
    this.#kind = kind;
    this.#token = token;
    this.#events = events;
  }

  /** The site ended the direction at this cap. */
  get cap(): Cap | undefined {
    return this.#cap;
  }

  get anyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Resolves when the first stream is open; fails when none gets through. */
  async start(count: number): Promise<void> {
    const first = Array.from({ length: Math.min(FIRST_STREAMS, count) }, () => this.#add());
    for (let extra = first.length; extra < count; extra += 1) {
      const delay = (extra - first.length + 1) * STAGGER_MS;
      this.#timers.push(setTimeout(() => void this.#add().catch(() => undefined), delay));
    }
    await Promise.any(first).catch((none: AggregateError) => {
      this.close();
      throw none.errors[0];
    });
  }

  close(): void {
    this.#timers.forEach(clearTimeout);
    for (const socket of this.#sockets) socket.close(DONE);
  }

  get allClosed(): boolean {
    return this.#sockets.every((socket) => socket.readyState === WebSocket.CLOSED);
  }

  #add(): Promise<void> {
    const stream = this.#sockets.length;
    const socket = connect(this.#kind, this.#token);
    this.#sockets.push(socket);
    socket.addEventListener('open', () => {
      this.#open.add(stream);
      this.#events.opened(stream, socket);
    });
    socket.addEventListener('message', (event: MessageEvent<ArrayBuffer | string>) =>
      this.#events.message(stream, event.data),
    );
    socket.addEventListener('close', (event) => this.#closed(stream, event));
    return opened(socket, this.#kind, this.#token);
  }

  #closed(stream: number, event: CloseEvent): void {
    this.#cap ??= capOf(event);
    if (this.#open.delete(stream)) this.#events.ended(stream);
  }
}
