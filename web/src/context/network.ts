// What the device says of its connection; most browsers say nothing.
import type { Network } from '../api/schema';

interface Connection extends EventTarget {
  type?: string;
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

export function onNetworkChange(changed: () => void): void {
  connection()?.addEventListener('change', changed);
}
