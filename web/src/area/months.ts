// The months one can choose: those with tests, this one, and the one on show.

export function offeredMonths(
  withTests: readonly string[],
  current: string,
  shown: string,
): string[] {
  return [...new Set([...withTests, current, shown])].sort().reverse();
}
