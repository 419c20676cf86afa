import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
import { RequestError, type Failure } from '../api/problem';
import type { Submission, TestView } from '../api/schema';
import { openShelves, type Shelves } from './database';
import { stepAfter, waitAfter, type Remembered } from './delivery';
import { Queue } from './queue';

const submission: Submission = {
  submission: '1',
  receipt: { test_id: 'a' },
  nonce: 'n',
  observed: { connection: 'websocket' },
  context: {
    measured_at: '2024-11-08T02:00:00Z',
    position: { latitude_degrees: 0, longitude_degrees: 0, accuracy_metres: 5 },
    device: 'd',
    app: { name: 'web', version: '0' },
  },
};
const line = { test_id: 'a', measured_at: '2024-11-08T02:00:00Z', used_bytes: 1 };
const stored = { test_id: 'a', state: 'accepted' } as TestView;

const problem = (name: string, status: number): Failure => ({
  kind: 'problem',
  name,
  problem: { type: `urn:ispeed:problem:${name}`, title: name, status },
});

/** The centre, as a script of answers. */
function centre(...answers: (Failure | TestView)[]) {
  const seen: Submission[] = [];
  const send = (sent: Submission): Promise<TestView> => {
    seen.push(sent);
    const answer = answers.shift() ?? stored;
    return 'kind' in answer ? Promise.reject(new RequestError(answer)) : Promise.resolve(answer);
  };
  return { seen, send };
}

describe('what to do after a failure', () => {
  test.each([
    [{ kind: 'offline' }, 'wait'],
    [{ kind: 'intercepted', status: 403 }, 'wait'],
    [problem('site_busy', 503), 'wait'],
    [problem('slow_down', 429), 'wait'],
    [problem('receipt_invalid', 422), 'refuse'],
    [problem('position_impossible', 422), 'resend_without_position'],
  ] as [Failure, string][])('%j: %s', (failure, want) => {
    expect(stepAfter(failure, true).step).toBe(want);
  });

  test('a position that is gone cannot be taken away again', () => {
    expect(stepAfter(problem('position_impossible', 422), false).step).toBe('refuse');
  });

  test('waits grow to a quarter of an hour', () => {
    expect([1, 2, 3, 20].map(waitAfter)).toEqual([30_000, 60_000, 120_000, 900_000]);
  });
});

describe('the queue', () => {
  let shelves: Shelves;
  let shown: { lines: Remembered[]; waiting: number };
  beforeEach(async () => {
    shelves = await openShelves(new IDBFactory());
  });
  const queueTo = (send: (s: Submission) => Promise<TestView>): Queue =>
    new Queue(shelves, send, (lines, waiting) => (shown = { lines, waiting }));

  test('a test is on the shelf before it is sent', async () => {
    const { seen, send } = centre();
    await queueTo(send).add(submission, line);
    expect(seen).toEqual([]);
    expect(await shelves.waiting.all()).toHaveLength(1);
    expect(shown).toMatchObject({ waiting: 1, lines: [{ delivery: { at: 'queued' } }] });
  });

  test('an acknowledged test leaves the shelf', async () => {
    const queue = queueTo(centre().send);
    await queue.add(submission, line);
    await queue.flush(0, false);
    expect(await shelves.waiting.all()).toEqual([]);
    expect(shown.lines[0]?.delivery).toEqual({ at: 'acknowledged', test: stored });
  });

  test('without network it stays, waits, and goes when the network is back', async () => {
    const { seen, send } = centre({ kind: 'offline' });
    const queue = queueTo(send);
    await queue.add(submission, line);
    await queue.flush(1000, false);
    await queue.flush(1001, false);
    expect(seen).toHaveLength(1);
    expect(await shelves.waiting.all()).toMatchObject([{ attempts: 1, next_ms: 31_000 }]);
    await queue.flush(1002, true);
    expect(seen).toHaveLength(2);
    expect(shown).toMatchObject({ waiting: 0, lines: [{ delivery: { at: 'acknowledged' } }] });
  });

  test('an impossible position is left out, once', async () => {
    const { seen, send } = centre(problem('position_impossible', 422));
    const queue = queueTo(send);
    await queue.add(submission, line);
    await queue.flush(0, false);
    expect(seen.map(({ context }) => 'position' in context)).toEqual([true, false]);
    expect(shown.waiting).toBe(0);
  });

  test('what cannot be helped is kept as refused, with the reason', async () => {
    const queue = queueTo(centre(problem('receipt_invalid', 422)).send);
    await queue.add(submission, line);
    await queue.flush(0, false);
    expect(await shelves.waiting.all()).toEqual([]);
    expect(shown.lines[0]?.delivery).toMatchObject({ at: 'refused', name: 'receipt_invalid' });
  });

  test('it survives the end of the page', async () => {
    const factory = new IDBFactory();
    shelves = await openShelves(factory);
    await queueTo(centre({ kind: 'offline' }).send).add(submission, line);
    shelves = await openShelves(factory);
    const queue = queueTo(centre().send);
    await queue.flush(0, true);
    expect(shown).toMatchObject({ waiting: 0, lines: [{ delivery: { at: 'acknowledged' } }] });
  });

  test('without storage a test still goes out', async () => {
    shelves = await openShelves(undefined);
    const queue = queueTo(centre().send);
    await queue.add(submission, line);
    await queue.flush(0, false);
    expect(shown).toMatchObject({ waiting: 0, lines: [{ delivery: { at: 'acknowledged' } }] });
  });
});
