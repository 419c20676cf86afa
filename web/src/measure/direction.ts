// One direction: runs its streams until its mode is content.
import type { Mode, ObservedDirection, StopReason } from '../api/schema';
import { bytes, microseconds } from '../unit';
import { LocalBins, SiteBins } from './bins';
import type { Told } from './arrivals';
import { BIN_US, estimate } from './goodput';
import { Lag, TICK_MS } from './lag';
import type { Prober } from './latency';
import { pause, waitUntil, Wakefulness } from './pause';
import { keepSending } from './sender';
import { Startup } from './startup';
import { sum } from './statistic';
import { stopPoint } from './stop';
import { Streams } from './streams';
import { Troubled } from './trouble';

export type Direction = 'download' | 'upload';

/** So long without a byte, and the direction is given up. */
const SILENCE_BINS = 80;
const PROOF_MS = 2000;
/** A window that ends in so much silence counts only if the site is still there. */
const DOUBTFUL_BINS = 20;
const CLOSE_WITHIN_MS = 1000;

interface Counter {
  streams: Streams;
  /** Complete bins by now. */
  bins(): number[];
  /** When the last stream was known to be past BBR's STARTUP. */
  startupLeftUs(): number | undefined;
}

function countDownload({ token, streams: early }: Run): Counter {
  let local: LocalBins | undefined;
  let startMs = 0;
  const startup = new Startup();
  const streams = new Streams('download', token, early, {
    opened: (stream) => {
      if (local === undefined) startMs = performance.now();
      local ??= new LocalBins(startMs, BIN_US);
      startup.joined(stream);
    },
    message: (stream, data) => {
      const now = performance.now();
      if (data instanceof ArrayBuffer) local?.add(now, data.byteLength);
      else startup.heard(stream, data, (now - startMs) * 1000);
    },
    ended: () => undefined,
  });
  return {
    streams,
    bins: () => local?.complete(performance.now()) ?? [],
    startupLeftUs: () => startup.allLeftUs,
  };
}

interface SiteCount {
  bin: number;
  bytes: number;
}

function countUpload({ token, streams: early }: Run): Counter {
  const site = new SiteBins();
  const streams = new Streams('upload', token, early, {
    opened: (stream, socket) => {
      site.started(stream);
      keepSending(socket);
    },
    message: (stream, data) => {
      if (typeof data !== 'string') return;
      const count = JSON.parse(data) as SiteCount;
      site.add(stream, count.bin, count.bytes);
    },
    ended: (stream) => site.ended(stream),
  });
  // A browser does not know what its own sockets do.
  return { streams, bins: () => site.complete(), startupLeftUs: () => undefined };
}

function silentBins(bins: readonly number[]): number {
  return bins.length - 1 - bins.findLastIndex((count) => count > 0);
}

interface Run {
  direction: Direction;
  token: string;
  mode: Mode;
  /** Most streams opened early. */
  streams: number;
  prober: Prober;
  told: Told | undefined;
  report(bins: number[]): void;
}

/** Bytes per bin, and why it ended there. Throws `Troubled` without an end. */
export async function runDirection(run: Run): Promise<ObservedDirection> {
  const counter = run.direction === 'download' ? countDownload(run) : countUpload(run);
  let stopProbing = (): void => undefined;
  const lag = new Lag();
  try {
    await counter.streams.start();
    stopProbing = run.prober.runBeside(`working_${run.direction}`);
    const [bins, stop] = await watch(run, counter, lag);
    const left = counter.startupLeftUs();
    await refuseSilence(run, bins);
    return {
      ...observed(run.mode, counter.bins(), stop, bins),
      ...(left !== undefined && { startup_left_us: microseconds(left) }),
      ...(lag.sharePerMille !== undefined && { lag_share_per_mille: lag.sharePerMille }),
    };
  } finally {
    stopProbing();
    counter.streams.close();
    await waitUntil(() => counter.streams.allClosed, CLOSE_WITHIN_MS);
  }
}

async function watch(run: Run, counter: Counter, lag: Lag): Promise<[number[], StopReason]> {
  const wakefulness = new Wakefulness();
  const startMs = performance.now();
  for (;;) {
    const asleepMs = performance.now();
    await pause(TICK_MS);
    lag.slept(performance.now() - asleepMs);
    if (!wakefulness.stillAwake()) throw new Troubled('interrupted');
    const bins = run.told?.bins(run.direction) ?? counter.bins();
    counter.streams.grow(bins);
    run.report(bins);
    const stop = stopPoint(run.mode, bins);
    if (stop) return [bins, stop.why];
    if (counter.streams.cap) return [withoutPartial(bins), counter.streams.cap];
    if (!counter.streams.anyOpen) throw new Troubled('offline');
    const elapsed = ((performance.now() - startMs) * 1000) / BIN_US;
    const silent = elapsed - bins.length + silentBins(bins);
    if (silent >= SILENCE_BINS) throw new Troubled('offline');
  }
}

/** At a cap the last bin may be the one the site stopped in. */
function withoutPartial(bins: number[]): number[] {
  return bins.slice(0, -1);
}

async function refuseSilence(run: Run, bins: readonly number[]): Promise<void> {
  const silent = silentBins(bins);
  const measured = estimate(run.mode, bins, true) !== undefined;
  // An adaptive window may be shorter than that, and silent from end to end.
  if (silent === 0 || (silent < DOUBTFUL_BINS && measured)) return;
  const silentMs = (silent * BIN_US) / 1000;
  const alive = await run.prober.answersSince(performance.now() - silentMs, PROOF_MS);
  if (!alive) throw new Troubled('offline');
}

/** What was counted, and what the method says of what had arrived. */
export function observed(
  mode: Mode,
  bins: number[],
  stop_reason: StopReason,
  arrived: readonly number[] = bins,
): ObservedDirection {
  const stopped = stop_reason === 'time_cap' || stop_reason === 'byte_cap';
  const result = estimate(mode, arrived, stopped);
  return {
    bin_us: BIN_US,
    bins_bytes: bins,
    stop_reason,
    ...(result && {
      goodput_bits_per_second: result.goodput,
      interval_bits_per_second: result.interval,
      p90_bits_per_second: result.p90,
      mean_bits_per_second: result.mean,
      ramp_us: result.ramp,
    }),
    bytes: bytes(sum(bins)),
    duration_us: microseconds(bins.length * BIN_US),
  };
}
