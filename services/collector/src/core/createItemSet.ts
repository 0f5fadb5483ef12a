import type { Extraction } from '@gleaner/contracts';
import { AttemptFailure } from './AttemptFailure.ts';
import { bsonSize } from './bsonSize.ts';
import { compileFields, setOwn } from './compileFields.ts';
import type { CompileRead } from './compileFields.ts';
import { createItemText } from './createItemText.ts';
import { checkedKey, compileKey } from './itemKey.ts';
import { refuseUnstorable } from './parseExactJson.ts';
import type { Redactor } from './createRedactor.ts';
import { whereOf } from './whereOf.ts';

/** One record as a format found it. */
export interface Found {
  readonly value: unknown;
  /** Name of the property, where the list is an object: it is the key. */
  readonly name?: string;
  /** What fields and keys are read from instead of the value, where a format has its own way to read them. */
  readonly node?: unknown;
  /** JSON of the value, where reading it natively gives exactly the value. */
  readonly text?: string;
  /** The value again with every number as the text that it was written in. */
  readonly exact?: () => unknown;
  /** What `where` says of it, where that was asked elsewhere. */
  readonly passes?: boolean;
}

export interface ItemSet {
  /** Takes one record: filters, maps, keys and hashes it. Throws the failure that ends the attempt. */
  take(found: Found): void;
  /** Records that wait for their expressions; empty where the job has none. */
  readonly waiting: readonly WaitingItem[];
  /** Takes the values of the waiting records' expressions, in their order, and waits for none any more. */
  settle(values: readonly Readonly<Record<string, unknown>>[]): void;
  /** Items as they are sent, in the order in which their keys were first seen. */
  items(): readonly SentItem[];
  readonly counts: { readonly received: number; readonly kept: number; readonly duplicates: number };
  readonly warnings: readonly string[];
}
export interface WaitingItem { readonly value: unknown; readonly data: Record<string, unknown>; readonly key: string; readonly place: string }

/** JSON of a batch item and its length in UTF-8. */
export interface SentItem { readonly text: string; readonly bytes: number; readonly key: string; readonly hash: string }

/** Keys that need no escaping, as most are. */
const plainKey = /^[\w.:/ -]*$/;
const maxItemBytes = 4 * 1024 ** 2;

/** Gathers the items of one attempt. `hash` gives equal texts equal short hex texts; `redactor` keeps secrets out of what upstream echoes. */
export function createItemSet(options: {
  readonly extraction: Extraction;
  readonly hash: (text: string) => string;
  readonly redactor: Redactor;
  readonly compileRead?: CompileRead;
  /** Ask `where` of the mapped data: for formats whose raw items are no documents. */
  readonly whereAfterFields?: boolean;
  /** Key of an item that neither `key` nor a property name gives one. */
  readonly defaultKey?: string;
}): ItemSet {
  const { extraction, hash, redactor, compileRead, whereAfterFields = false, defaultKey } = options;
  const where = extraction.where === undefined ? undefined : whereOf(extraction.where);
  const fields = extraction.fields === undefined ? undefined : compileFields(extraction.fields, compileRead);
  const readKey = extraction.key === undefined ? undefined : compileKey(extraction.key, compileRead);
  const textOf = createItemText();
  const kept = new Map<string, SentItem>();
  const mismatches = new Map<string, { count: number; example: string }>();
  let waiting: WaitingItem[] = [];
  let received = 0;
  let duplicates = 0;

  const onMismatch = (field: string, type: string, value: unknown): void => {
    const name = `${field}: ${type}`;
    const seen = mismatches.get(name);
    if (seen) seen.count += 1;
    else mismatches.set(name, { count: 1, example: redactor.text(JSON.stringify(value) ?? '').slice(0, 80) });
  };

  const keep = (key: string, data: Readonly<Record<string, unknown>>, text: string | undefined, place: string): void => {
    let stored = data;
    let { canonical, json } = textOf(stored, text);
    if (redactor.finds(canonical)) {
      stored = redactor.deep(stored) as Readonly<Record<string, unknown>>;
      ({ canonical, json } = textOf(stored));
    }
    const digest = hash(canonical);
    const before = kept.get(key);
    if (before?.hash === digest) return;
    if (before) duplicates += 1;
    if (json.length > maxItemBytes / 8 && bsonSize(stored) > maxItemBytes) {
      throw new AttemptFailure('item_too_large', `expected items of at most 4 MiB as BSON; ${place}, key ${JSON.stringify(key)}, has ${bsonSize(stored).toLocaleString('en')} bytes`);
    }
    const sent = `{"k":${plainKey.test(key) ? `"${key}"` : JSON.stringify(key)},"h":"${digest}","d":${json}}`;
    kept.set(key, { text: sent, bytes: Buffer.byteLength(sent), key, hash: digest });
  };

  return {
    take(found) {
      received += 1;
      const place = `item ${received}`;
      const plain = typeof found.value === 'object' && found.value !== null && !Array.isArray(found.value);
      const value = (plain ? found.value : { value: found.value }) as Readonly<Record<string, unknown>>;
      if (where && !whereAfterFields && !(found.passes ?? where(value))) return;
      const source = found.node ?? value;
      const data = fields ? fields.map(source, onMismatch) : value;
      if (where && whereAfterFields && !(found.passes ?? where(data))) return;
      const exact = found.exact && (plain ? found.exact : () => ({ value: found.exact?.() }));
      const key = redactor.text(readKey ? readKey(source, exact, place) : keyOf(found.name ?? defaultKey, place));
      if (fields && fields.expressions.length > 0) waiting.push({ value, data: data as Record<string, unknown>, key, place });
      else keep(key, data, fields || found.text === undefined ? undefined : plain ? found.text : `{"value":${found.text}}`, place);
    },
    get waiting() {
      return waiting;
    },
    settle(values) {
      const settled = waiting;
      waiting = [];
      settled.forEach(({ data, key, place }, index) => {
        const results = values[index] ?? {};
        refuseUnstorable(results, place, '');
        const ordered: Record<string, unknown> = {};
        for (const name of Object.keys(extraction.fields ?? {}).sort()) {
          const part = Object.hasOwn(results, name) ? results[name] : Object.hasOwn(data, name) ? data[name] : undefined;
          if (part !== undefined) setOwn(ordered, name, part);
        }
        keep(key, ordered, undefined, place);
      });
    },
    items: () => [...kept.values()],
    get counts() {
      return { received, kept: kept.size, duplicates };
    },
    get warnings() {
      return [
        ...(duplicates > 0 ? [`${duplicates} items had the key of another with other data; the last of each stands`] : []),
        ...[...mismatches].map(([name, { count, example }]) => redactor.text(`${count} values of field ${name} are none and were kept as they came, the first: ${example}`)),
      ];
    },
  };
}

function keyOf(name: string | undefined, place: string): string {
  if (name === undefined) throw new AttemptFailure('missing_key', `expected \`key\` in the job, because items is a list; ${place} has no name of its own`);
  return checkedKey(name, place);
}
