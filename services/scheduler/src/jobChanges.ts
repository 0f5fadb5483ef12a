import { unendedStates } from '@gleaner/contracts';
import { moveRuns, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { JobBook, JobEntry } from './jobBook.ts';
import type { OriginSlots } from './originSlots.ts';
import type { RunBook } from './runBook.ts';
import type { RunSettler } from './runSettler.ts';
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
      for (const run of await withdrawAhead({ database, job })) runs.forget(run);
    }
    const entries = await book.refresh(ids);
    // All at once, the new wish in the old one's place: a run that starts meanwhile finds its origin's limits.
    for (const entry of entries) wish(entry);
    for (const id of ids) if (book.get(id) === undefined) slots.wish(id, [], undefined);
    await cancelOrphans(entries);
  };

  /** Ends the runs of jobs that are deleted, and those of an older dataset: its job was deleted and made again before anybody looked. */
  const cancelOrphans = async (entries: readonly JobEntry[]): Promise<void> => {
    const changed = entries.filter(({ version }) => version > 1);
    if (changed.length === 0) return;
    const byId = new Map(changed.map((entry) => [entry.id, entry]));
    const unended = await database.collections.runs.find({ job: { $in: changed.map(({ id }) => id) }, state: { $in: [...unendedStates] } }, { projection: { job: 1, dataset: 1, jobVersion: 1 } }).toArray();
    const ids = unended.flatMap(({ _id, job, dataset, jobVersion }) => {
      const entry = byId.get(job);
      // A run of a version that is newer than the one just read is not judged by it.
      return entry === undefined || jobVersion > entry.version || (!entry.deleted && dataset === entry.dataset) ? [] : [_id];
    });
    if (ids.length === 0) return;
    await moveRuns({ database, runs: ids, to: 'cancelled', set: { reason: 'job deleted' } });
    for (const run of ids) {
      runs.forget(run);
      settler.hear(run);
    }
    log.info({ runs: ids.length, first: ids[0] }, 'the runs of deleted jobs are cancelled');
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

    /** Looks for changes that no event has told of. */
    async scan(): Promise<void> {
      const from = new Date(scannedTo - lookBackMs);
      const to = database.clock.now().getTime();
      for await (const { _id, version, deleted } of database.collections.jobs.find({ changedAt: { $gte: from } }, { projection: { version: 1, deleted: 1 } })) {
        const entry = book.get(_id);
        // One that was made and deleted between two looks is not in the book, but it may have been run.
        if (entry === undefined ? !deleted || runs.hasOf(_id) : entry.version !== version) heard.add(_id);
      }
      scannedTo = to;
    },
  };
}
