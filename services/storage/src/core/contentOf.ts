import type { BatchItem, GoneItem } from '@gleaner/contracts';

export type Content = ReadonlyMap<string, { readonly hash: string; readonly data: unknown }>;
/** What differs from another snapshot, by key; null = gone. */
export type Changes = ReadonlyMap<string, { readonly hash: string; readonly data: unknown } | null>;
type Lists = readonly (readonly (BatchItem | GoneItem)[])[];
type Read<T> = { readonly ok: true; readonly content: T } | { readonly ok: false; readonly reason: string };

/** The items of an attempt by key; of two with one key the last stands. An item of another shape makes all of it unreadable: nothing is applied by halves. */
export function contentOf(lists: Lists): Read<Content> {
  const content = new Map<string, { readonly hash: string; readonly data: unknown }>();
  for (const items of lists)
    for (const item of items) {
      if (!isItem(item)) return unreadable('items {k, h, d}', item);
      content.set(item.k, { hash: item.h, data: item.d });
    }
  return { ok: true, content };
}

/** The changes of an attempt by key, read as strictly. */
export function changesOf(lists: Lists): Read<Changes> {
  const content = new Map<string, { readonly hash: string; readonly data: unknown } | null>();
  for (const items of lists)
    for (const item of items) {
      if (isItem(item)) content.set(item.k, { hash: item.h, data: item.d });
      else if (isGone(item)) content.set(item.k, null);
      else return unreadable('items {k, h, d} or {k, gone}', item);
    }
  return { ok: true, content };
}

/** What a snapshot holds that differs from another in these changes. */
export function changed(base: Content, changes: Changes): Content {
  const content = new Map(base);
  for (const [key, seen] of changes) {
    if (seen === null) content.delete(key);
    else content.set(key, seen);
  }
  return content;
}

// What came over the broker has no shape before it is looked at, whatever its type says.
export const isItem = (item: Partial<BatchItem> | undefined): item is BatchItem =>
  typeof item?.k === 'string' && item.k !== '' && typeof item.h === 'string' && item.h !== '' && typeof item.d === 'object' && item.d !== null;
const isGone = (item: Partial<GoneItem> | undefined): item is GoneItem => typeof item?.k === 'string' && item.k !== '' && item.gone === true;
const unreadable = (expected: string, item: unknown) => ({ ok: false, reason: `expected ${expected}; saw ${JSON.stringify(item)?.slice(0, 200)}` }) as const;
