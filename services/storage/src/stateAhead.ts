import { exactJson, positionOf, type Batch } from '@gleaner/contracts';
import type { StateItem } from '@gleaner/database';
import { clampObservedAt } from './core/clampObservedAt.ts';
import { isItem } from './core/contentOf.ts';
import { judgeArrival } from './core/judgeArrival.ts';
import type { Hashes } from './core/planNewest.ts';
import type { StorageParts } from './storageParts.ts';
import { createStateWriter, type StateWriter, type Written } from './writeState.ts';

/**
 * Writes the items of a new generation while the collector still reads the answer that they come from. Nobody reads them before a head names them, so whether it was
 * right to begin is decided at the end; what was not is swept like anything that a crash leaves behind.
 */
export interface StateAhead {
  /** The items of the next batch. */
  add(items: Batch['items']): void;
  /** The moment that the items were written for. Undefined where nothing was begun. */
  readonly observedAt: Promise<Date | undefined>;
  /** Writes what is missing of a state, and its keyframe; undefined where what was written is not a part of just this state. Only once. */
  finish(items: readonly StateItem[]): Promise<Written | undefined>;
}

/** From this share of changed items on it is thought that most of the rest has changed too. */
const sureShare = 0.9;

interface Begun {
  readonly position: string;
  readonly observedAt: Date;
  readonly writer: StateWriter;
  /** Where the current items began that are as they were. */
  readonly since: (key: string, hash: string) => string | undefined;
}

/** Begins with the first batch of an attempt, where all of its items are new or nearly all have changed; does nothing otherwise. */
export function startStateAhead(parts: StorageParts, first: Batch): StateAhead {
  const written = new Map<string, { readonly hash: string; readonly since: string; readonly json: string }>();
  let going: Promise<unknown>[] = [];
  let spoiled = false;
  const begun = begin(parts, first);
  begun.catch(() => undefined); // a database that is away is met again at the end, by what must not go on without it

  return {
    observedAt: begun.then((one) => one?.observedAt, () => undefined),
    add(items) {
      const work = begun.then(async (one) => { // in the order in which the batches came, up to the first write
        if (!one || spoiled) return;
        const state: StateItem[] = [];
        for (const item of items) {
          // One key twice, or what is no item: the usual way tells what becomes of it.
          if (!isItem(item) || written.has(item.k)) {
            spoiled = true;
            return;
          }
          const since = one.since(item.k, item.h) ?? one.position;
          // The keyframe's share of the work that can be done already.
          written.set(item.k, { hash: item.h, since, json: exactJson(item.d) });
          state.push({ key: item.k, hash: item.h, data: item.d, since });
        }
        await one.writer.items(state);
      });
      work.catch(() => { spoiled = true; });
      going.push(work);
    },
    async finish(items) {
      const one = await begun;
      if (!one || spoiled) return undefined;
      const missing: StateItem[] = [];
      const state: StateItem[] = [];
      for (const item of items) {
        const there = written.get(item.key);
        if (there === undefined) missing.push(item);
        else if (there.hash !== item.hash || there.since !== item.since) return undefined;
        state.push(there ? { ...item, json: there.json } : item);
      }
      if (missing.length + written.size !== items.length) return undefined;
      const all = Promise.allSettled(going);
      going = [];
      const [blocks] = await Promise.all([one.writer.keyframe(state), one.writer.items(missing), all]);
      // A write that failed has said so by now; what stands under this id is swept.
      if (spoiled) return undefined;
      spoiled = true;
      return { id: one.writer.id, blocks };
    },
  };
}

async function begin(parts: StorageParts, first: Batch): Promise<Begun | undefined> {
  const { ahead, run: id, dataset, queuedAt, items } = first;
  if (ahead === undefined) return undefined;
  const { database, history, cache } = parts;
  const [run, head] = await Promise.all([database.collections.runs.findOne({ _id: id }), history.heads.findOne({ _id: dataset })]);
  if (run === null || head === null || judgeArrival({ run, head, dataset }).kind !== 'go') return undefined;
  // Another apply may change the hashes meanwhile: then what was written does not fit, and that is seen at the end.
  const before: Hashes | undefined = head.position === undefined ? new Map() : cache.get(dataset, head.rev);
  if (before === undefined) return undefined;
  const differing = items.filter((item) => 'h' in item && before.get(item.k)?.hash !== item.h).length;
  if (differing < sureShare * ahead.kept) return undefined;
  const now = database.clock.now();
  const observedAt = clampObservedAt({ observedAt: new Date(ahead.observedAt), queuedAt: new Date(queuedAt), now });
  const writer = await createStateWriter({ database, id: parts.newId(), dataset, generation: true, now });
  return {
    position: positionOf(observedAt, id), observedAt, writer, since: (key, hash) => {
      const known = before.get(key);
      return known?.hash === hash ? known.since : undefined;
    },
  };
}
