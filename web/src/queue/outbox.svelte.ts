// The queue as the page sees it, and the occasions on which it is emptied.
import { submitTest } from '../api/client';
import type { Submission } from '../api/schema';
import { openShelves } from './database';
import type { Delivery, Remembered } from './delivery';
import { Queue } from './queue';

const EVERY_MS = 30_000;

class Outbox {
  remembered = $state.raw<Remembered[]>([]);
  waiting = $state(0);
  #queue: Promise<Queue> | undefined;

  /** Called once, when the page has loaded. */
  start(): void {
    addEventListener('online', () => void this.flush(true));
    setInterval(() => void this.flush(false), EVERY_MS);
    void this.flush(true);
  }

  async add(submission: Submission, line: Omit<Remembered, 'delivery'>): Promise<void> {
    try {
      await (await this.#open()).add(submission, line);
    } catch {
      // The disk is full, say: then the test waits in memory.
      this.#queue = this.#make(undefined);
      await (await this.#queue).add(submission, line);
    }
    void this.flush(true);
  }

  async flush(all: boolean): Promise<void> {
    await (await this.#open()).flush(Date.now(), all);
  }

  deliveryOf(testId: string): Delivery | undefined {
    return this.remembered.find(({ test_id }) => test_id === testId)?.delivery;
  }

  #open(): Promise<Queue> {
    this.#queue ??= this.#make(globalThis.indexedDB);
    return this.#queue;
  }

  async #make(factory: IDBFactory | undefined): Promise<Queue> {
    const shelves = await openShelves(factory);
    const queue = new Queue(shelves, submitTest, (remembered, waiting) => {
      this.remembered = remembered;
      this.waiting = waiting;
    });
    await queue.tell();
    return queue;
  }
}

export const outbox = new Outbox();
