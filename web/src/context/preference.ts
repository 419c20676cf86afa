// What this browser remembers of the person's choices.

export type Preference =
  | 'device'
  | 'member'
  | 'office'
  | 'language'
  | 'mode'
  | 'network'
  | 'technology'
  | 'operator'
  | 'unit'
  | 'position';

const key = (name: Preference): string => `ispeed.${name}`;

// Storage may be forbidden altogether; then nothing is remembered.
export function recall(name: Preference): string | undefined {
  try {
    return localStorage.getItem(key(name)) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(name: Preference, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key(name));
    else localStorage.setItem(key(name), value);
  } catch {
    // Said above.
  }
}

/** One of the words this choice knows, or none. */
export function recallOneOf<Word extends string>(
  name: Preference,
  words: readonly Word[],
): Word | undefined {
  const value = recall(name);
  return words.find((word) => word === value);
}
