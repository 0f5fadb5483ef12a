import { moveRuns, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { JobBook, JobEntry } from './jobBook.ts';
import type { OriginSlots } from './originSlots.ts';
import type { RunBook } from './runBook.ts';
import type { RunSettler } from './settleRuns.ts';
import { withdrawAhead } from './withdrawAhead.ts';

/** How far back a scan for changed jobs looks: longer than any write may take to become visible, ms. */
const lookBackMs = 10_000;
const batchSize = 200;

export type JobChanges = ReturnType<typeof createJobChanges>;

/** Brings changed, new and deleted jobs into the book: what was inserted ahead for an older version is taken back, the runs of a deleted job end. */
export function createJobChanges({ database, book, runs, slots, settler, log }: {
  readonly database: Database;
  readonly book: JobBook;
  readonly runs: RunBook;
  readonly slots: OriginSlots;
  readonly settler: RunSettler;
  readonly log: Logger;
}) {
  const heard = new Set<string>();
  let scannedTo = database.clock.now().getTime();

  const wish = ({ id, origins, limits, deleted, paused }: JobEntry): void => { slots.wish(id, origins, deleted || paused ? undefined : limits); };

  const readAgain = async (ids: readonly string[]): Promise<void> => {
    for (const job of ids) {
      for (const run of await withdrawAhead({ database, job })) {
        const known = runs.forget(run);
        if (known) slots.leave(known);
      }
      const before = book.get(job);
      if (before) slots.wish(job, before.origins, undefined);
    }
    for (const entry of await book.refresh(ids)) {
      wish(entry);
      if (entry.deleted) await cancelAll(entry);
    }
  };

  const cancelAll = async ({ id, dataset }: JobEntry): Promise<void> => {
    const unended = await database.collections.runs.find({ job: id, dataset, state: { $in: ['due', 'queued', 'running', 'retrying'] } }, { projection: { _id: 1 } }).toArray();
    if (unended.length === 0) return;
    const ids = unended.map(({ _id }) => _id);
    await moveRuns({ database, runs: ids, to: 'cancelled', set: { reason: 'job deleted' } });
    for (const run of ids) {
      const known = runs.forget(run);
      if (known) slots.leave(known);
      settler.hear(run);
    }
    log.info({ job: id, runs: ids.length }, 'the runs of a deleted job are cancelled');
  };

  return {
    hear(job: string): void { heard.add(job); },
    wish,
    readAgain,

    /** Takes in what was heard of; what fails stays heard of. */
    async apply(): Promise<void> {
      while (heard.size > 0) {
        const ids = [...heard].slice(0, batchSize);
        for (const id of ids) heard.delete(id);
        try {
          await readAgain(ids);
        } catch (error) {
          for (const id of ids) heard.add(id);
          throw error;
        }
      }
    },

    /** Looks for changes that no stream has told of. */
    async scan(): Promise<void> {
      const from = new Date(scannedTo - lookBackMs);
      const to = database.clock.now().getTime();
      for await (const { _id, version, deleted } of database.collections.jobs.find({ changedAt: { $gte: from } }, { projection: { version: 1, deleted: 1 } })) {
        const entry = book.get(_id);
        if (entry === undefined ? !deleted : entry.version !== version) heard.add(_id);
      }
      scannedTo = to;
    },
  };
}
