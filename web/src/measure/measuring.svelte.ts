// Runs the worker and keeps the phase; lives as long as the page, so that
// looking at another view does not end a test.
import { circumstances } from '../context/context.svelte';
import { mayLocate } from '../context/position';
import type { ObservedDirection, Probes } from '../api/schema';
import { outbox } from '../queue/outbox.svelte';
import { latencyOf, median } from './delay';
import type { Measured, Message, Start } from './message';
import type { Figures, Phase, Speed } from './phase';
import { keepScreenOn, type Release } from './screen';
import { submissionOf } from './submission';
import type { Trouble } from './trouble';

class Measuring {
  phase = $state.raw<Phase>({ at: 'ready' });
  /** Whether the site drew this test for its audit; it then takes longer. */
  audit = $state(false);
  #worker: Worker | undefined;
  #releaseScreen: Release | undefined;
  #soFar: Figures = {};
  #position: Promise<void> = Promise.resolve();

  /** The person wants a test; asks for the position first where that is open. */
  async start(): Promise<void> {
    if (circumstances.positionWanted && (await mayLocate()) === 'prompt') {
      this.phase = { at: 'locating' };
      await circumstances.findPosition();
      if (this.phase.at !== 'locating') return;
    }
    this.run();
  }

  /** Runs with or without a position; one that is found on the way is taken. */
  run(): void {
    this.#soFar = {};
    this.audit = false;
    this.phase = { at: 'starting', soFar: {} };
    this.#position = circumstances.prepare();
    this.#releaseScreen = keepScreenOn();
    const { mode, network, metered } = circumstances;
    const start: Start = { mode, network, metered };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    this.#worker.onmessage = (event: MessageEvent<Message>) => this.#hear(event.data);
    this.#worker.onerror = () => this.#fail('site_error');
    this.#worker.postMessage(start);
  }

  cancel(): void {
    this.#stop();
    this.phase = { at: 'ready' };
  }

  #stop(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#releaseScreen?.();
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case 'idle_rtt':
        this.audit = message.audit;
        this.phase = { at: message.kind, soFar: this.#soFar };
        return;
      case 'receipt':
        this.phase = { at: message.kind, soFar: this.#soFar };
        return;
      case 'idle_done':
        this.#note(message.idle_rtt === undefined ? {} : { idle_rtt: message.idle_rtt });
        return;
      case 'bins': {
        const { direction: at, mode, bins } = message;
        this.phase = { at, mode, bins, soFar: this.#soFar };
        return;
      }
      case 'direction_done': {
        const measured = speedOf(message.observed);
        return this.#note(measured ? { [message.direction]: measured } : {});
      }
      case 'done':
        return void this.#finish(message.measured);
      case 'failed':
        return this.#fail(message.trouble);
      default:
        return message satisfies never;
    }
  }

  #note(figures: Figures): void {
    this.#soFar = { ...this.#soFar, ...figures };
  }

  #fail(trouble: Trouble): void {
    this.#stop();
    this.phase = { at: 'failed', trouble, soFar: this.#soFar };
  }

  async #finish(measured: Measured): Promise<void> {
    await this.#position;
    // Cancelled while the position was still being looked for.
    if (this.#worker === undefined) return;
    this.#stop();
    const figures = figuresOf(measured);
    await outbox.add(...submissionOf(measured, circumstances.describe(measured.measured_at)));
    const { session, used, trouble } = measured;
    const spent = [measured.observed.download, measured.observed.upload].some(ranOutOfData);
    this.phase = { at: 'done', testId: session.test_id, figures, used, spent, trouble };
  }
}

/** The budget came to its end before there was enough to tell. */
function ranOutOfData(direction: ObservedDirection | undefined): boolean {
  return direction?.stop_reason === 'byte_cap' && direction.goodput_bits_per_second === undefined;
}

function speedOf(direction: ObservedDirection | undefined): Speed | undefined {
  const goodput = direction?.goodput_bits_per_second;
  const interval = direction?.interval_bits_per_second;
  return goodput === undefined ? undefined : { goodput, ...(interval && { interval }) };
}

function figuresOf({ observed }: Measured): Figures {
  const working = [observed.working_download, observed.working_upload];
  const download = speedOf(observed.download);
  const upload = speedOf(observed.upload);
  const idle_rtt = observed.idle && median(observed.idle);
  const working_rtt = median(...working.filter((sample): sample is Probes => sample !== undefined));
  return {
    ...(download && { download }),
    ...(upload && { upload }),
    ...(idle_rtt !== undefined && { idle_rtt }),
    ...(working_rtt !== undefined && { working_rtt }),
    connection: observed.connection,
    ...(observed.idle && { idle: latencyOf(observed.idle) }),
    ...(observed.working_download && {
      working_download: latencyOf(observed.working_download),
    }),
    ...(observed.working_upload && { working_upload: latencyOf(observed.working_upload) }),
  };
}

export const measuring = new Measuring();
