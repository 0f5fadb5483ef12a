import type { ChangesReport, CompleteReport, TryHead } from '@gleaner/contracts';
import type { SentItem } from './createItemSet.ts';

/** A message is at most this long, or holds one item. */
export const maxBatchBytes = 512 * 1024;

/** The items of an attempt as messages: either all inside the complete report (`batches` empty), or as batches that come before it. */
export interface BatchMessages {
  readonly batches: readonly string[];
  readonly complete: string;
}

/** Builds the messages from texts at hand, so that no item is stringified twice. `complete` comes without its `batches` and `items`. */
export function batchMessages({ head, attempt, items, complete }: {
  readonly head: TryHead;
  readonly attempt: string;
  readonly items: readonly SentItem[];
  readonly complete: Omit<CompleteReport | ChangesReport, 'batches' | 'items'>;
}): BatchMessages {
  const whole = open({ ...complete, batches: 0 });
  if (fits(whole, items)) return { batches: [], complete: close(whole, items) };
  const before = (seq: number): string => open({ v: 1, ...head, attempt, seq });
  const room = maxBatchBytes - before(999_999).length - 4;
  const batches: string[] = [];
  let from = 0;
  let bytes = 0;
  items.forEach((item, index) => {
    if (index > from && bytes + item.bytes + 1 > room) {
      batches.push(close(before(batches.length), items.slice(from, index)));
      from = index;
      bytes = 0;
    }
    bytes += item.bytes + 1;
  });
  batches.push(close(before(batches.length), items.slice(from)));
  return { batches, complete: JSON.stringify({ ...complete, batches: batches.length }) };
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
