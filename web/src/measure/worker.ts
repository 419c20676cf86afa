// The worker: measures away from rendering, and tells the page how it goes.
import type { Message, Start } from './message';
import { runTest } from './run';
import { troubleOf } from './trouble';

const tell = (message: Message): void => self.postMessage(message);

self.addEventListener('message', (event: MessageEvent<Start>) => {
  runTest(event.data, tell).then(
    (measured) => tell({ kind: 'done', measured }),
    (thrown: unknown) => tell({ kind: 'failed', trouble: troubleOf(thrown) }),
  );
});
