import type { Extraction } from '@gleaner/contracts';
import { AttemptFailure } from './AttemptFailure.ts';
import { bsonSize } from './bsonSize.ts';
import { compileFields, setOwn } from './compileFields.ts';
import type { CompileRead } from './compileFields.ts';
import { createItemText } from './createItemText.ts';
import type { KnownSnapshot, Recall, RecordHash } from './createKnownSnapshot.ts';
import { checkedKey, compileKey } from './itemKey.ts';
import { refuseUnstorable } from './parseExactJson.ts';
import type { NumberTexts } from './parseExactJson.ts';
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
  /** The texts that the value has its numbers in. */
  readonly exact?: NumberTexts;
  /** What `where` says of it, where that was asked elsewhere. */
  readonly passes?: boolean;
  /** Hash of the record's bytes, where `recall` did not know it. */
  readonly record?: RecordHash;
}

export interface ItemSet {
  /** Takes one record: filters, maps, keys and hashes it. Throws the failure that ends the attempt. */
  take(found: Found): void;
  /** Takes records by their bytes alone. */
  readonly recall: Recall;
  /** Records that wait for their expressions; empty where the job has none. */
  readonly waiting: readonly WaitingItem[];
  /** Takes the values of the waiting records' expressions, in their order, and waits for none any more. */
  settle(values: readonly Readonly<Record<string, unknown>>[]): void;
  /** Takes out the items that are to be sent and were not yet: beside a known snapshot those that differ from it. */
  drain(): readonly SentItem[];
  /** Characters that `drain` would take out. */
  readonly waitingChars: number;
  /** Takes out the rest: the last items, and the keys of the known snapshot that are gone. */
  rest(): readonly SentItem[];
  readonly counts: { readonly received: number; readonly kept: number; readonly duplicates: number };
  readonly warnings: readonly string[];
  /** The known snapshot becomes what was taken. */
  commit(): void;
}
export interface WaitingItem { readonly value: unknown; readonly data: Record<string, unknown>; readonly key: string; readonly place: string }

/** JSON of a batch item and its length in UTF-8. */
export interface SentItem { readonly text: string; readonly bytes: number }

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
  /** What the answer is compared with. */
  readonly known: KnownSnapshot;
}): ItemSet {
  const { extraction, hash, redactor, compileRead, whereAfterFields = false, defaultKey, known } = options;
  const where = extraction.where === undefined ? undefined : whereOf(extraction.where).test;
  const fields = extraction.fields === undefined ? undefined : compileFields(extraction.fields, compileRead);
  const readKey = extraction.key === undefined ? undefined : compileKey(extraction.key, compileRead);
  const textOf = createItemText();
  const seen = known.compare();
  const mismatches = new Map<string, { count: number; example: string }>();
  let waiting: WaitingItem[] = [];
  let received = 0;
  let mismatched = 0;

  const onMismatch = (field: string, type: string, value: unknown): void => {
    mismatched += 1;
    const name = `${field}: ${type}`;
    const seen = mismatches.get(name);
    if (seen) seen.count += 1;
    else mismatches.set(name, { count: 1, example: redactor.text(JSON.stringify(value) ?? '').slice(0, 80) });
  };

  const keep = (key: string, data: Readonly<Record<string, unknown>>, text: string | undefined, place: string): string => {
    let stored = data;
    let { canonical, json } = textOf(stored, text);
    if (redactor.finds(canonical)) {
      stored = redactor.deep(stored) as Readonly<Record<string, unknown>>;
      ({ canonical, json } = textOf(stored));
    }
    // JSON.stringify escapes what BSON may not hold, and little else: most items are not looked through.
    if (canonical.includes('\\u')) refuseUnstorable(stored, place, '');
    const digest = hash(canonical);
    if (!seen.differs(key, digest)) return digest;
    if (json.length > maxItemBytes / 8 && bsonSize(stored) > maxItemBytes) {
      throw new AttemptFailure('item_too_large', `expected items of at most 4 MiB as BSON; ${place}, key ${JSON.stringify(key)}, has ${bsonSize(stored).toLocaleString('en')} bytes`);
    }
    seen.change(key, digest, `{"k":${keyText(key)},"h":"${digest}","d":${json}}`);
    return digest;
  };

  const drain = (): SentItem[] => Array.from(seen.drain(), (text) => ({ text, bytes: Buffer.byteLength(text) }));

  return {
    recall: seen.recall,
    take(found) {
      received += 1;
      const mismatchesBefore = mismatched;
      const place = `item ${received + seen.recalled}`;
      const plain = typeof found.value === 'object' && found.value !== null && !Array.isArray(found.value);
      const value = (plain ? found.value : { value: found.value }) as Readonly<Record<string, unknown>>;
      if (where && !whereAfterFields && !(found.passes ?? where(value))) {
        if (found.record !== undefined) seen.became(found.record, undefined);
        return;
      }
      const source = found.node ?? value;
      const data = fields ? fields.map(source, onMismatch) : value;
      if (where && whereAfterFields && !(found.passes ?? where(data))) return;
      const exact = found.exact && (plain ? found.exact : { ...found.exact, read: () => ({ value: found.exact?.read() }) });
      const key = redactor.text(readKey ? readKey(source, exact, place) : keyOf(found.name ?? defaultKey, place));
      if (fields && fields.expressions.length > 0) {
        waiting.push({ value, data: data as Record<string, unknown>, key, place });
        return;
      }
      const digest = keep(key, data, fields || found.text === undefined ? undefined : plain ? found.text : `{"value":${found.text}}`, place);
      // One that gave a warning gives it again the next time.
      if (found.record !== undefined && mismatched === mismatchesBefore) seen.became(found.record, { key, hash: digest });
    },
    get waiting() {
      return waiting;
    },
    settle(values) {
      const settled = waiting;
      waiting = [];
      settled.forEach(({ data, key, place }, index) => {
        const results = values[index] ?? {};
        const ordered: Record<string, unknown> = {};
        for (const name of Object.keys(extraction.fields ?? {}).sort()) {
          const part = Object.hasOwn(results, name) ? results[name] : Object.hasOwn(data, name) ? data[name] : undefined;
          if (part !== undefined) setOwn(ordered, name, part);
        }
        keep(key, ordered, undefined, place);
      });
    },
    drain,
    get waitingChars() {
      return seen.waiting;
    },
    rest() {
      const items = drain();
      for (const key of seen.gone()) {
        const text = `{"k":${keyText(key)},"gone":true}`;
        items.push({ text, bytes: Buffer.byteLength(text) });
      }
      return items;
    },
    commit: () => seen.commit(),
    get counts() {
      return { received: received + seen.recalled, kept: seen.kept, duplicates: seen.duplicates };
    },
    get warnings() {
      return [
        ...(seen.duplicates > 0 ? [`${seen.duplicates} items had the key of another with other data; the last of each stands`] : []),
        ...[...mismatches].map(([name, { count, example }]) => redactor.text(`${count} values of field ${name} are none and were kept as they came, the first: ${example}`)),
      ];
    },
  };
}

const keyText = (key: string): string => (plainKey.test(key) ? `"${key}"` : JSON.stringify(key));

function keyOf(name: string | undefined, place: string): string {
  if (name === undefined) throw new AttemptFailure('missing_key', `expected \`key\` in the job, because items is a list; ${place} has no name of its own`);
  return checkedKey(name, place);
}
