// Which site a test runs against: the centre names candidates, pings decide.
// Twin of `metric/src/selection.rs`, held to `testdata/method/selection.json`.
import { fetchNearest, ping } from '../api/client';
import type { Asked, Candidate, Reachable, Selection } from '../api/schema';

const PINGS = 3;
const FAMILY_PINGS = 10;
const TIE_US = 5_000;

/** The least round trip wins; `chance` picks among those less than 5 ms behind. */
export function choose(candidates: Asked[], chance: number): Selection {
  const answered = candidates.flatMap(({ site, rtt_us }) =>
    rtt_us === undefined ? [] : [{ site, rtt_us }],
  );
  const least = Math.min(...answered.map(({ rtt_us }) => rtt_us));
  const near = answered.filter(({ rtt_us }) => rtt_us - least < TIE_US);
  const chosen = near[chance % Math.max(near.length, 1)]?.site;
  const reason = candidates.length === 1 ? 'only' : near.length > 1 ? 'tie' : 'least_rtt';
  return { reason, ...(chosen !== undefined && { chosen }), candidates };
}

/** What is known of the way to a site before the test. */
export interface Target {
  /** Of the site; empty for the one this page came from. */
  origin: string;
  seen: { selection?: Selection; ipv4?: Reachable; ipv6?: Reachable };
}

const HOME: Target = { origin: '', seen: {} };

/** A page that came over TLS may not use what does not. */
function usable(url: string): boolean {
  return url.startsWith('https:') || globalThis.location?.protocol !== 'https:';
}

async function pings(origin: string, count: number): Promise<number[]> {
  const rtts: number[] = [];
  for (let sent = 0; sent < count; sent += 1) rtts.push(await ping(origin));
  return rtts;
}

interface Answer {
  asked: Asked;
  origin: string | undefined;
}

async function ask({ site, reason, on_net, urls }: Candidate): Promise<Answer> {
  const known = { site, reason, ...(on_net !== undefined && { on_net }) };
  for (const origin of urls.filter(usable)) {
    try {
      const rtt_us = Math.min(...(await pings(origin, PINGS)));
      return { asked: { ...known, rtt_us }, origin };
    } catch {
      // The next URL may answer.
    }
  }
  return { asked: known, origin: undefined };
}

async function reach(url: string | undefined): Promise<Reachable | undefined> {
  if (url === undefined || !usable(url)) return undefined;
  try {
    const rtts = (await pings(url, FAMILY_PINGS)).sort((a, b) => a - b);
    const median = rtts[Math.floor((rtts.length - 1) / 2)];
    return { available: true, ...(median !== undefined && { rtt_us: median }) };
  } catch {
    return { available: false };
  }
}

/**
 * Finds the site to measure against. Where the centre names nobody, or cannot
 * be asked, it is the one this page came from.
 */
export async function aim(chance: number): Promise<Target> {
  const candidates = await fetchNearest().then(
    (nearest) => nearest.candidates,
    () => [],
  );
  if (candidates.length === 0) return HOME;
  const answers = await Promise.all(candidates.map(ask));
  const selection = choose(
    answers.map(({ asked }) => asked),
    chance,
  );
  const taken = answers.findIndex(({ asked }) => asked.site === selection.chosen);
  const origin = answers[taken]?.origin;
  // The home site is tried all the same; the test then says what is wrong.
  if (origin === undefined) return { ...HOME, seen: { selection } };
  const [ipv4, ipv6] = await Promise.all([
    reach(candidates[taken]?.ipv4_url),
    reach(candidates[taken]?.ipv6_url),
  ]);
  return { origin, seen: { selection, ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) } };
}
