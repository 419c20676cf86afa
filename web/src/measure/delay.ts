// Delay: a lost probe is a value, longer than any that was answered.
import type { Probes } from '../api/schema';
import { microseconds, type Microseconds } from '../unit';

/** Smallest x with F(x) ≥ 0.5; undefined when more than half were lost. */
export function median(...samples: readonly Probes[]): Microseconds | undefined {
  const sent = samples.reduce((total, sample) => total + sample.sent, 0);
  const answered = samples.flatMap((sample) => sample.rtt_us).sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(sent / 2));
  const value = answered[rank - 1];
  return value === undefined ? undefined : microseconds(value);
}
