// Time inside the measuring worker.

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `ready`, at most so long; says whether it came to be. */
export async function waitUntil(ready: () => boolean, atMostMs: number): Promise<boolean> {
  const deadline = performance.now() + atMostMs;
  while (!ready()) {
    if (performance.now() >= deadline) return false;
    await pause(10);
  }
  return true;
}

/** A device that sleeps makes a gap between two ticks; what it measured is void. */
const GAP_MS = 2000;

export class Wakefulness {
  #lastMs = performance.now();

  /** Called at every tick; false once the device has slept. */
  stillAwake(): boolean {
    const now = performance.now();
    const awake = now - this.#lastMs < GAP_MS;
    this.#lastMs = now;
    return awake;
  }
}
