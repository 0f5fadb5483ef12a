import type { Database } from '@gleaner/database';
import type { JobBook } from './jobBook.ts';
import type { JobChanges } from './jobChanges.ts';
import type { OriginSlots } from './originSlots.ts';
import type { OriginRests } from './originRests.ts';
import type { RunBook } from './runBook.ts';

/**
 * Reads everything as the last leader left it and does what must be done before the first run starts:
 * what happened to jobs and origins while nobody led counts from when it happened, not from when a loop comes to it.
 */
export async function takeOver({ database, book, runs, slots, changes, restOrigins }: {
  readonly database: Database;
  readonly book: JobBook;
  readonly runs: RunBook;
  readonly slots: OriginSlots;
  readonly changes: JobChanges;
  readonly restOrigins: OriginRests;
}): Promise<void> {
  const now = database.clock.now();
  await Promise.all([book.load(), runs.load(), slots.load(now)]);
  const all = [...runs.all()];
  for (const run of all) if (run.state === 'queued' || run.state === 'running') slots.follow(run, now.getTime());
  for (const entry of book.all()) changes.wish(entry);
  await restOrigins(all);
  // Rows that were inserted ahead for a version that no longer holds are taken back, the runs of jobs that are deleted, or were and are made again, end.
  for (const { job, dataset, state } of all) {
    const entry = book.get(job);
    if (entry === undefined || entry.deleted || entry.dataset !== dataset || (entry.stale && state === 'due')) changes.hear(job);
  }
  await changes.apply();
}
