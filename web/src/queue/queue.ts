// Nothing measured is lost: a test is on the shelf before it is sent, and
// leaves it only when the centre has it or has refused it for good.
import { failureOf } from '../api/problem';
import type { Submission, TestView } from '../api/schema';
import type { Shelves } from './database';
import {
  stepAfter,
  waitAfter,
  withoutPosition,
  type Delivery,
  type Remembered,
  type Step,
  type Waiting,
} from './delivery';

type Send = (submission: Submission) => Promise<TestView>;
type Changed = (remembered: Remembered[], waiting: number) => void;

export class Queue {
  readonly #shelves: Shelves;
  readonly #send: Send;
  readonly #changed: Changed;
  /** One round after another, so that no test is sent twice at the same time. */
  #round: Promise<void> = Promise.resolve();

  constructor(shelves: Shelves, send: Send, changed: Changed) {
    this.#shelves = shelves;
    this.#send = send;
    this.#changed = changed;
  }

  async add(submission: Submission, line: Omit<Remembered, 'delivery'>): Promise<void> {
    const { test_id } = line;
    await this.#shelves.waiting.put({ test_id, submission, attempts: 0, next_ms: 0 });
    await this.#shelves.remembered.put({ ...line, delivery: { at: 'queued', attempts: 0 } });
    await this.tell();
  }

  /** Sends what is due; `all`, because the network came back, does not wait. */
  flush(nowMs: number, all: boolean): Promise<void> {
    this.#round = this.#round.then(() => this.#flush(nowMs, all));
    return this.#round;
  }

  async #flush(nowMs: number, all: boolean): Promise<void> {
    const waiting = await this.#shelves.waiting.all();
    for (const item of waiting) {
      if (all || item.next_ms <= nowMs) await this.#deliver(item, nowMs);
    }
  }

  async #deliver(item: Waiting, nowMs: number): Promise<void> {
    const step = await this.#try(item.submission);
    switch (step.step) {
      case 'acknowledge':
        return this.#settle(item, { at: 'acknowledged', test: step.test });
      case 'refuse':
        return this.#settle(item, { at: 'refused', name: step.name, problem: step.problem });
      case 'resend_without_position': {
        const again = { ...item, submission: withoutPosition(item.submission) };
        await this.#shelves.waiting.put(again);
        return this.#deliver(again, nowMs);
      }
      case 'wait': {
        const attempts = item.attempts + 1;
        const next_ms = nowMs + waitAfter(attempts);
        await this.#shelves.waiting.put({ ...item, attempts, next_ms });
        return this.#note(item.test_id, { at: 'queued', attempts });
      }
      default:
        return step satisfies never;
    }
  }

  #try(submission: Submission): Promise<Step> {
    const hasPosition = submission.context.position !== undefined;
    return this.#send(submission).then(
      (test): Step => ({ step: 'acknowledge', test }),
      (thrown: unknown) => stepAfter(failureOf(thrown), hasPosition),
    );
  }

  async #settle(item: Waiting, delivery: Delivery): Promise<void> {
    await this.#shelves.waiting.remove(item.test_id);
    await this.#note(item.test_id, delivery);
  }

  async #note(testId: string, delivery: Delivery): Promise<void> {
    const lines = await this.#shelves.remembered.all();
    const line = lines.find(({ test_id }) => test_id === testId);
    if (line) await this.#shelves.remembered.put({ ...line, delivery });
    await this.tell();
  }

  async tell(): Promise<void> {
    const [remembered, waiting] = await Promise.all([
      this.#shelves.remembered.all(),
      this.#shelves.waiting.all(),
    ]);
    remembered.sort((a, b) => b.measured_at.localeCompare(a.measured_at));
    this.#changed(remembered, waiting.length);
  }
}
