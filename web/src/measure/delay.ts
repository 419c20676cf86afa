// Delay: a lost probe is a value, longer than any that was answered. The twin
// of metric/src/latency.rs; testdata/method/latency.json holds both to one law.
import type { Probes } from '../api/schema';
import { microseconds, type Microseconds } from '../unit';

/** Statistics of one sample of round trips; what is undefined is absent. */
export interface Latency {
  min_us?: Microseconds;
  median_us?: Microseconds;
  p95_us?: Microseconds;
  ipdv_mean_abs_us?: Microseconds;
  pdv_p95_us?: Microseconds;
}

/** Smallest x with F(x) ≥ 0.5; undefined when more than half were lost. */
export function median(...samples: readonly Probes[]): Microseconds | undefined {
  return percentile(50, samples);
}

/** Smallest x with F(x) ≥ p per cent, lost probes counted as longest (RFC 7679). */
function percentile(p: number, samples: readonly Probes[]): Microseconds | undefined {
  const sent = samples.reduce((total, sample) => total + sample.sent, 0);
  const answered = samples.flatMap((sample) => sample.rtt_us).sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((sent * p) / 100));
  const value = answered[rank - 1];
  return value === undefined ? undefined : microseconds(value);
}

export function latencyOf(sample: Probes): Latency {
  const least = sample.rtt_us.length > 0 ? microseconds(Math.min(...sample.rtt_us)) : undefined;
  const [middle, high] = [percentile(50, [sample]), percentile(95, [sample])];
  const ipdv = ipdvMeanAbs(sample.rtt_us);
  return {
    ...(least !== undefined && { min_us: least }),
    ...(middle !== undefined && { median_us: middle }),
    ...(high !== undefined && { p95_us: high }),
    ...(ipdv !== undefined && { ipdv_mean_abs_us: ipdv }),
    ...(least !== undefined && high !== undefined && { pdv_p95_us: microseconds(high - least) }),
  };
}

/** Mean |d(i) − d(i−1)| over each answered probe and the answered one before (RFC 3393). */
function ipdvMeanAbs(answered: readonly number[]): Microseconds | undefined {
  const steps = answered.slice(1).map((rtt, k) => Math.abs(rtt - (answered[k] ?? rtt)));
  const sum = steps.reduce((total, step) => total + step, 0);
  return steps.length === 0 ? undefined : microseconds(Math.floor(sum / steps.length));
}

/** Median working round trips that fit into a minute: not the RPM of the IETF draft. */
export function responsiveness(working: Microseconds | undefined): number | undefined {
  return working === undefined || working === 0 ? undefined : Math.floor(60e6 / working);
}
