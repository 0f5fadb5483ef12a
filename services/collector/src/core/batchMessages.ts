import type { Batch, ChangesReport, CompleteReport, TryHead } from '@gleaner/contracts';
import type { SentItem } from './createItemSet.ts';

/** A message is at most this long, or holds one item. */
export const maxBatchBytes = 512 * 1024;

/** The items of an attempt as messages: what does not fit in the report comes before it. */
export interface BatchMessages {
  readonly batches: readonly string[];
  readonly complete: string;
}

/**
 * Builds the last messages of an attempt from texts at hand, so that no item is stringified twice; `sent` batches have gone before them.
 * `complete` comes without its `batches` and `items`.
 */
export function batchMessages({ head, attempt, sent = 0, items, complete }: {
  readonly head: TryHead;
  readonly attempt: string;
  readonly sent?: number;
  readonly items: readonly SentItem[];
  readonly complete: Omit<CompleteReport | ChangesReport, 'batches' | 'items'>;
}): BatchMessages {
  if (items.length === 0 && sent > 0) return { batches: [], complete: JSON.stringify({ ...complete, batches: sent }) };
  const whole = open({ ...complete, batches: sent });
  if (fits(whole, items)) return { batches: [], complete: close(whole, items) };
  const batches = itemBatches({ head, attempt, sent, items });
  return { batches, complete: JSON.stringify({ ...complete, batches: sent + batches.length }) };
}

/** Items as batches, the first of them with the number `sent`. */
export function itemBatches({ head, attempt, sent, items, ahead }: { readonly head: TryHead; readonly attempt: string; readonly sent: number; readonly items: readonly SentItem[]; readonly ahead?: Batch['ahead'] }): string[] {
  const before = (seq: number): string => open({ v: 1, ...head, attempt, seq, ...(ahead ? { ahead } : {}) });
  const room = maxBatchBytes - before(999_999).length - 4;
  const batches: string[] = [];
  let from = 0;
  let bytes = 0;
  items.forEach((item, index) => {
    if (index > from && bytes + item.bytes + 1 > room) {
      batches.push(close(before(sent + batches.length), items.slice(from, index)));
      from = index;
      bytes = 0;
    }
    bytes += item.bytes + 1;
  });
  if (from < items.length) batches.push(close(before(sent + batches.length), items.slice(from)));
  return batches;
}

const open = (value: object): string => `${JSON.stringify(value).slice(0, -1)},"items":[`;
const close = (opened: string, items: readonly SentItem[]): string => `${opened}${items.map(({ text }) => text).join(',')}]}`;

function fits(opened: string, items: readonly SentItem[]): boolean {
  let bytes = Buffer.byteLength(opened) + 2;
  for (const item of items) {
    bytes += item.bytes + 1;
    if (bytes > maxBatchBytes) return items.length === 1;
  }
  return true;
}
