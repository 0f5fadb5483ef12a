import type { Known } from '@gleaner/database';
import type { HistoryView, Row } from './applyPlan.ts';
import type { Content } from './contentOf.ts';

/**
 * What `unchanged` means: the content of the snapshot that was observed again, resolved now. Nothing refers to it afterwards.
 * Undefined where that snapshot is the one just before: then a row alone says it.
 */
export async function repeatOf({ base, rowBefore, view }: {
  readonly base: Row; readonly rowBefore: Row | undefined; readonly view: Pick<HistoryView, 'stateAt' | 'keysOf'>;
}): Promise<Content | undefined> {
  if (rowBefore?.position === base.position) return undefined;
  const state = await view.stateAt(base.position, base.kind === 'whole' ? undefined : [...(await view.keysOf(base))]);
  return presentOf(state);
}

/** A state as content: the keys that are there. */
export const presentOf = (state: ReadonlyMap<string, Known>): Content => new Map([...state].flatMap(([key, { hash, data }]) => (hash === null ? [] : [[key, { hash, data }] as const])));
