/** What a key was at a position: its data (equal where the hash is) and the position where that began; `hash: null` = not there. */
export interface Known {
  readonly hash: string | null;
  readonly since: string;
  readonly data?: unknown;
}

/** Absence has no `since`: where it began follows from the log. */
export const absent: Known = { hash: null, since: '' };
