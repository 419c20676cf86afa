// What has arrived at the receiving host, as the site tells it while the test
// runs: bytes by themselves stand still where one packet is missing.
import type { Session } from '../api/schema';
import type { Direction } from './direction';
import { connect, opened } from './socket';

interface Arrived {
  subtest: Direction;
  bin: number;
  bytes: number;
}

export class Told {
  readonly #bins: Record<Direction, number[]> = { download: [], upload: [] };
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.#add(JSON.parse(event.data) as Arrived);
    });
  }

  /** Listens, if the site has something to tell. */
  static async open({ token, arrivals }: Session): Promise<Told | undefined> {
    if (!arrivals) return undefined;
    const socket = connect('arrivals', token);
    const told = new Told(socket);
    await opened(socket, 'arrivals', token);
    return told;
  }

  /** Complete bins of a direction, in order of time; undefined once the site tells no more. */
  bins(direction: Direction): number[] | undefined {
    return this.#socket.readyState === WebSocket.OPEN ? [...this.#bins[direction]] : undefined;
  }

  close(): void {
    this.#socket.close();
  }

  /** Bins come in order; any other is not taken. */
  #add({ subtest, bin, bytes }: Arrived): void {
    const bins = this.#bins[subtest];
    if (bin === bins.length) bins.push(bytes);
  }
}
