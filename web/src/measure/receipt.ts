// What the receipt says of the upload is the truth; the running count was a view of it.
import type { Mode, ObservedDirection, Receipt } from '../api/schema';
import { bytes, type Bytes } from '../unit';
import { observed } from './direction';
import { sum } from './statistic';
import { stopPoint } from './stop';

type Evidence = Pick<ObservedDirection, 'lag_share_per_mille' | 'startup_left_us'>;

/** What only this device knows of how it went. */
function evidence({ lag_share_per_mille, startup_left_us }: Evidence): Evidence {
  return {
    ...(lag_share_per_mille !== undefined && { lag_share_per_mille }),
    ...(startup_left_us !== undefined && { startup_left_us }),
  };
}

/** The download as counted here, its speed from what the site signed, where it tells. */
export function downloadOfReceipt(
  receipt: Receipt,
  counted: ObservedDirection,
  mode: Mode,
): ObservedDirection {
  const { stop_reason, bins_bytes } = counted;
  const arrived = receipt.download?.arrived_bytes;
  if (arrived === undefined) return counted;
  return { ...observed(mode, bins_bytes, stop_reason, arrived), ...evidence(counted) };
}

/** The upload recomputed from what the site signed; the last, partial bin is left out. */
export function uploadOfReceipt(
  receipt: Receipt,
  seen: Evidence & Pick<ObservedDirection, 'stop_reason'>,
  mode: Mode,
): ObservedDirection | undefined {
  const { upload } = receipt;
  if (upload === undefined) return undefined;
  const complete = Math.floor(upload.duration_us / upload.bin_us);
  const bins = upload.bins_bytes.slice(0, complete);
  const arrived = upload.arrived_bytes ?? bins;
  return {
    ...observed(mode, bins, stopPoint(mode, arrived)?.why ?? seen.stop_reason, arrived),
    ...evidence(seen),
  };
}

/** Payload that went over the line, both ways; more than what the window counted. */
export function usedBytes(receipt: Receipt, download: ObservedDirection | undefined): Bytes {
  const down = Math.max(sum(receipt.download?.bins_bytes ?? []), download?.bytes ?? 0);
  return bytes(down + sum(receipt.upload?.bins_bytes ?? []));
}
