import type { BatchItem } from '@gleaner/contracts';

type Content = Map<string, { readonly hash: string; readonly data: unknown }>;

export type ReadContent = { readonly ok: true; readonly content: Content } | { readonly ok: false; readonly reason: string };

/** The items of an attempt by key; of two with one key the last stands. An item of another shape makes all of it unreadable: nothing is applied by halves. */
export function contentOf(lists: readonly (readonly BatchItem[])[]): ReadContent {
  const content: Content = new Map();
  for (const items of lists)
    for (const item of items) {
      const { k, h, d } = item ?? {};
      if (typeof k !== 'string' || typeof h !== 'string' || k === '' || h === '' || typeof d !== 'object' || d === null)
        return { ok: false, reason: `expected items {k, h, d}; saw ${JSON.stringify(item)?.slice(0, 200)}` };
      content.set(k, { hash: h, data: d });
    }
  return { ok: true, content };
}
