// Whether this device keeps up: the twin of `Lag` in metric/src/bottleneck.rs.

/** The watch asks to be woken after so long, again and again. */
export const TICK_MS = 50;
/** A tick is late when it comes so much after its time. */
const LATE_TICKS = 1;

/** Counts ticks that come late; a busy device wakes its timers late. */
export class Lag {
  #ticks = 0;
  #late = 0;

  /** The watch has slept so long instead of one tick; the ticks it slept through are late too. */
  slept(ms: number): void {
    this.#ticks += Math.max(1, Math.floor(ms / TICK_MS));
    this.#late += Math.max(0, Math.ceil(ms / TICK_MS) - 1 - LATE_TICKS);
  }

  /** Late ticks in thousandths; absent before the first. */
  get sharePerMille(): number | undefined {
    return this.#ticks === 0 ? undefined : Math.floor((1000 * this.#late) / this.#ticks);
  }
}
