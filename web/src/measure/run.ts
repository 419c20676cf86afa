// A test from session to receipt: latency idle, download, upload.
import { fetchReceipt, measureAgainst, openSession } from '../api/client';
import { failureOf } from '../api/problem';
import type { Mode, Observed, ObservedDirection, Receipt, Session } from '../api/schema';
import { openCarrier, type Carrier } from './carrier';
import { median } from './delay';
import { Told } from './arrivals';
import { runDirection, type Direction } from './direction';
import { Prober } from './latency';
import type { Measured, Message, Start } from './message';
import { pause } from './pause';
import { downloadOfReceipt, uploadOfReceipt, usedBytes } from './receipt';
import { aim } from './selection';
import { modeOf } from './stop';
import { Troubled, troubleOf, type Trouble } from './trouble';

type Tell = (message: Message) => void;

const RECEIPT_ATTEMPTS = 2;
const RECEIPT_PAUSE_MS = 1000;

interface Opened {
  session: Session;
  mode: Mode;
  /** Start of the test by the site's clock. */
  measuredAt: string;
}

async function openTest(start: Start): Promise<Opened> {
  const askedMs = performance.now();
  const session = await openSession(start);
  // The site read its clock about half way between question and answer.
  const sinceRead = (performance.now() - askedMs) / 2;
  const measuredAt = new Date(Date.parse(session.server_time) + sinceRead).toISOString();
  const mode = modeOf(session.mode);
  // The reply decides; by a mode that is not known here nothing can be measured.
  if (mode === undefined) throw new Troubled('site_error');
  return { session, mode, measuredAt };
}

interface Directions {
  download?: ObservedDirection;
  upload?: ObservedDirection;
  trouble: Trouble | undefined;
}

async function runDirections(
  { session, mode }: Opened,
  prober: Prober,
  told: Told | undefined,
  tell: Tell,
): Promise<Directions> {
  const { token, parameters } = session;
  const run = { token, mode, streams: parameters.streams, prober, told };
  const done: Directions = { trouble: undefined };
  for (const direction of ['download', 'upload'] satisfies Direction[]) {
    const report = (bins: number[]): void => tell({ kind: 'bins', direction, mode, bins });
    try {
      const observed = await runDirection({ ...run, direction, report });
      done[direction] = observed;
      tell({ kind: 'direction_done', direction, observed });
    } catch (thrown) {
      done.trouble = troubleOf(thrown);
      // Without a network, or asleep, the other direction has no chance either.
      if (done.trouble === 'offline' || done.trouble === 'interrupted') break;
    }
    await prober.settle();
  }
  return done;
}

/** Where the network has died already, one more question is enough. */
async function askReceipt(session: Session, trouble: Trouble | undefined): Promise<Receipt> {
  const attempts = trouble === 'offline' ? 1 : RECEIPT_ATTEMPTS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fetchReceipt(session);
    } catch (thrown) {
      if (failureOf(thrown).kind !== 'offline' || attempt === attempts) throw thrown;
      await pause(RECEIPT_PAUSE_MS);
    }
  }
}

export async function runTest(start: Start, tell: Tell): Promise<Measured> {
  const [chance = 0] = crypto.getRandomValues(new Uint32Array(1));
  const { origin, seen } = await aim(chance);
  measureAgainst(origin);
  const test = await openTest(start);
  const { session, mode, measuredAt } = test;
  const carrier = await openCarrier(session);
  let told: Told | undefined;
  try {
    told = await Told.open(session);
    const prober = new Prober(carrier, session.parameters);
    tell({ kind: 'idle_rtt', audit: session.audit ?? false });
    const idle = await prober.runIdle();
    tell({ kind: 'idle_done', idle_rtt: median(idle) });
    const directions = await runDirections(test, prober, told, tell);
    tell({ kind: 'receipt' });
    const receipt = await askReceipt(session, directions.trouble);
    const seenByTest = assemble(directions, receipt, mode, { prober, carrier });
    const observed = { ...seenByTest, ...seen };
    return {
      session,
      receipt,
      observed,
      measured_at: measuredAt,
      used: usedBytes(receipt, directions.download),
      trouble: directions.trouble,
    };
  } finally {
    carrier.close();
    told?.close();
  }
}

/** A direction that was not measured is absent, and so is its latency. */
function assemble(
  { download: counted, upload: seen }: Directions,
  receipt: Receipt,
  mode: Mode,
  { prober, carrier }: { prober: Prober; carrier: Carrier },
): Observed {
  const download = counted && downloadOfReceipt(receipt, counted, mode);
  const upload = seen && uploadOfReceipt(receipt, seen, mode);
  return {
    ...(download && { download, working_download: prober.sample('working_download') }),
    ...(upload && { upload, working_upload: prober.sample('working_upload') }),
    idle: prober.sample('idle'),
    connection: carrier.name,
  };
}
