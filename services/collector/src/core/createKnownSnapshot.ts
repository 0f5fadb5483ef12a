/** Two halves of a 64-bit hash of a record's bytes: as numbers, which a map finds several times faster than a bigint. */
export interface RecordHash {
  readonly low: number;
  readonly high: number;
  /** Of the bytes. */
  readonly length: number;
}

/**
 * What a snapshot held, as remembered by the collector that sent it: the hash of each item, and what each record became, so that a record that comes again
 * needs no reading. One attempt at a time compares its answer with it, and turns it into what it saw itself once it is whole.
 */
export interface KnownSnapshot {
  /** Items and records remembered. */
  readonly size: number;
  compare(): Comparison;
}

/** How records are taken by their bytes alone. */
export interface Recall {
  /** Takes a record that the snapshot had too, and returns undefined; else the hash of its bytes, for what it will have become. */
  take(bytes: Uint8Array): RecordHash | undefined;
  /** How many bytes the record has that came next the last time, so that its end need not be looked for; 0 = nothing is expected. */
  readonly expected: number;
  /** Takes the expected record; false where these bytes are another, or the beginning of another. */
  takeExpected(bytes: Uint8Array): boolean;
}

/** An answer beside a known snapshot, item by item. Nothing of the snapshot changes before `commit`. */
export interface Comparison {
  readonly recall: Recall;
  /** Records taken by their bytes. */
  readonly recalled: number;
  /** Sees an item; true where it differs from the snapshot's, or from what was said of its key before, and `change` is to say what it is now. */
  differs(key: string, hash: string): boolean;
  change(key: string, hash: string, text: string): void;
  /** Says what a record became, to be recalled the next time: the item under that key with that hash, or nothing, where the filter left it out. */
  became(record: RecordHash, item: { readonly key: string; readonly hash: string } | undefined): void;
  /** Keys seen. */
  readonly kept: number;
  /** Items that had the key of another with other data. */
  readonly duplicates: number;
  /** Takes out the texts given to `change` since it was called last; of two with one key the last stands. */
  drain(): Iterable<string>;
  /** Characters that `drain` would take out. */
  readonly waiting: number;
  /** Keys of the snapshot that were not seen. */
  gone(): Iterable<string>;
  /** The snapshot becomes what was seen. */
  commit(): void;
}

interface Item {
  readonly key: string;
  readonly hash: string;
  /** The comparison that saw its key last. */
  seen: number;
  /** Its key has another item now, or none. */
  stale: boolean;
}
interface Entry extends RecordHash {
  /** Undefined = the filter left it out. */
  item: Item | undefined;
  seen: number;
  /** What it became is a part of the snapshot. */
  known: boolean;
  /** The record that came after it the last time: a guess, and no more. */
  next: Entry | undefined;
}

/** So many guesses in a row that were wrong: the answer is another one. */
const mostMisses = 16;

/** `hash` gives 64 bits of some bytes. */
export function createKnownSnapshot({ hash }: { readonly hash: (bytes: Uint8Array) => RecordHash }): KnownSnapshot {
  const items = new Map<string, Item>();
  const records = new Map<number, Entry>();
  let first: Entry | undefined;
  let now = 0;

  const compare = (): Comparison => {
    const turn = (now += 1);
    const changes = new Map<string, string>(); // key → hash of what differs from the snapshot, or was said to
    let texts = new Map<string, string>();
    let waiting = 0;
    const fresh: { readonly entry: Entry; readonly item: { readonly key: string; readonly hash: string } | undefined }[] = [];
    let known = 0; // keys of the snapshot that were seen
    let added = 0;
    let recalled = 0;
    let begin: Entry | undefined;
    let last: Entry | undefined;
    let expected = first;
    let misses = 0;
    let duplicates = 0;

    const isAsBefore = (item: Item): void => {
      if (item.seen !== turn) known += 1;
      item.seen = turn;
    };
    const follow = (entry: Entry): void => {
      if (last) last.next = entry;
      else begin = entry;
      last = entry;
    };
    const take = (entry: Entry): void => {
      entry.seen = turn;
      recalled += 1;
      if (entry.item) isAsBefore(entry.item);
      expected = entry.next;
      misses = 0;
      follow(entry);
    };
    const isKnown = (entry: Entry | undefined, { low, high }: RecordHash): entry is Entry =>
      entry?.low === low && entry.high === high && entry.known && entry.item?.stale !== true
      // What was said of its key has to be taken back, in words that are not at hand.
      && (changes.size === 0 || entry.item === undefined || !changes.has(entry.item.key));
    /** The record is no known one: perhaps it stands in the place of the expected one. */
    const miss = (): void => {
      misses += 1;
      expected = misses < mostMisses ? expected?.next : undefined;
    };
    return {
      recall: {
        take(bytes) {
          const record = hash(bytes);
          const entry = records.get(record.low);
          if (isKnown(entry, record)) {
            take(entry);
            return undefined;
          }
          miss();
          return record;
        },
        get expected() { return expected?.length ?? 0; },
        takeExpected(bytes) {
          if (!isKnown(expected, hash(bytes))) return false;
          take(expected);
          return true;
        },
      },
      get recalled() { return recalled; },
      differs(key, digest) {
        const item = items.get(key);
        const before = changes.get(key);
        if (before === digest) return false;
        if (item?.hash === digest && before === undefined) {
          isAsBefore(item);
          return false;
        }
        if (before !== undefined || item?.seen === turn) duplicates += 1;
        else if (item === undefined) added += 1;
        else known += 1;
        if (item) item.seen = turn;
        return true;
      },
      change(key, digest, text) {
        changes.set(key, digest);
        texts.set(key, text);
        waiting += text.length;
      },
      became({ low, high, length }, item) {
        const entry: Entry = { low, high, length, item: undefined, seen: turn, known: false, next: undefined };
        follow(entry);
        fresh.push({ entry, item });
      },
      get kept() { return known + added; },
      get duplicates() { return duplicates; },
      drain() {
        const drained = texts.values();
        texts = new Map();
        waiting = 0;
        return drained;
      },
      get waiting() { return waiting; },
      * gone() {
        if (known === items.size) return;
        for (const { key, seen } of items.values()) if (seen !== turn) yield key;
      },
      commit() {
        if (known < items.size) {
          for (const item of items.values()) {
            if (item.seen === turn) continue;
            item.stale = true;
            items.delete(item.key);
          }
        }
        for (const [key, digest] of changes) {
          const old = items.get(key);
          if (old?.hash === digest) continue;
          if (old) old.stale = true;
          items.set(key, { key, hash: digest, seen: turn, stale: false });
        }
        for (const { entry, item } of fresh) {
          entry.item = item && items.get(item.key);
          // Of two records with one key only the last became the item.
          entry.known = entry.item?.hash === item?.hash;
          if (entry.known) records.set(entry.low, entry);
        }
        first = begin;
        if (last) last.next = undefined;
        // Records that do not come any more are let go before they are as many as those that do.
        if (records.size > 2 * (recalled + fresh.length)) for (const [low, { seen }] of records) if (seen !== turn) records.delete(low);
      },
    };
  };
  return { get size() { return items.size + records.size; }, compare };
}
