// A phone that turns its screen off in the middle of a test spoils it.

export type Release = () => void;

export function keepScreenOn(): Release {
  // Absent in older browsers and where the page did not come by HTTPS.
  const asked: Promise<WakeLockSentinel> | undefined = (
    navigator as Partial<Pick<Navigator, 'wakeLock'>>
  ).wakeLock?.request('screen');
  const held = asked?.catch(() => undefined);
  return () => void held?.then((lock) => lock?.release());
}
