// Keeps one upload stream busy without filling the browser's memory.
import { largerOrSmaller, LARGEST, SMALLEST, TRIAL } from './size';

const POLL_MS = 4;

/** Incompressible, made once: what is on the way must not be made smaller. */
function noise(): ArrayBuffer {
  const block = new Uint8Array(LARGEST);
  // The browser gives at most this many random bytes at a time.
  for (let at = 0; at < LARGEST; at += SMALLEST) {
    crypto.getRandomValues(block.subarray(at, at + SMALLEST));
  }
  return block.buffer;
}

let content: ArrayBuffer | undefined;

export function keepSending(socket: WebSocket): void {
  const random = (content ??= noise());
  let size = SMALLEST;
  let sent = 0;
  let trialMs = performance.now();
  const fill = (): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    while (socket.bufferedAmount <= size) {
      socket.send(new Uint8Array(random, 0, size));
      sent += 1;
      if (sent % TRIAL > 0) continue;
      size = largerOrSmaller(size, performance.now() - trialMs);
      trialMs = performance.now();
    }
    setTimeout(fill, POLL_MS);
  };
  fill();
}
