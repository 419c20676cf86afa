// What the device says of its connection; most browsers say nothing.
import type { Network } from '../api/schema';

interface Connection extends EventTarget {
  type?: string;
  effectiveType?: string;
  saveData?: boolean;
}

function connection(): Connection | undefined {
  return (navigator as Navigator & { connection?: Connection }).connection;
}

export function networkOf(type: string | undefined): Network | undefined {
  if (type === 'cellular') return 'mobile';
  return type === 'wifi' || type === 'ethernet' ? type : undefined;
}

export function detectedNetwork(): Network | undefined {
  return networkOf(connection()?.type);
}

/** The person has asked the browser to spare data. */
export function sparesData(): boolean {
  return connection()?.saveData ?? false;
}

/** A line on which a long test takes long and tells no more. */
export function isSlow(effectiveType: string | undefined): boolean {
  return effectiveType === 'slow-2g' || effectiveType === '2g';
}

export function seemsSlow(): boolean {
  return isSlow(connection()?.effectiveType);
}

export function onNetworkChange(changed: () => void): void {
  connection()?.addEventListener('change', changed);
}
