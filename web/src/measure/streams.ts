// The connections of one direction: as many as the schedule wants.
import type { Direction } from './direction';
import { wanted } from './schedule';
import { connect, opened } from './socket';

export interface StreamEvents {
  opened(stream: number, socket: WebSocket): void;
  message(stream: number, data: ArrayBuffer | string): void;
  ended(stream: number): void;
}

export type Cap = 'time_cap' | 'byte_cap';

const DONE = 1000;

function capOf(event: CloseEvent): Cap | undefined {
  return event.reason === 'time_cap' || event.reason === 'byte_cap' ? event.reason : undefined;
}

export class Streams {
  readonly #sockets: WebSocket[] = [];
  readonly #open = new Set<number>();
  readonly #kind: Direction;
  readonly #token: string;
  readonly #early: number;
  readonly #events: StreamEvents;
  #cap: Cap | undefined;
  /** When the first stream opened. */
  #openedMs: number | undefined;

  /** `early` is the most that is opened early. */
  constructor(kind: Direction, token: string, early: number, events: StreamEvents) {
    this.#kind = kind;
    this.#token = token;
    this.#early = early;
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
  async start(): Promise<void> {
    const first = Array.from({ length: wanted(this.#early, [], 0) }, () => this.#add());
    await Promise.any(first).catch((none: AggregateError) => {
      this.close();
      throw none.errors[0];
    });
  }

  /** Opens what the schedule wants by now. */
  grow(bins: readonly number[]): void {
    if (this.#openedMs === undefined) return;
    const elapsedUs = (performance.now() - this.#openedMs) * 1000;
    const streams = wanted(this.#early, bins, elapsedUs);
    while (this.#sockets.length < streams) void this.#add().catch(() => undefined);
  }

  close(): void {
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
      this.#openedMs ??= performance.now();
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
