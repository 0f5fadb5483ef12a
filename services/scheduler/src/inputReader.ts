import { readForEach, type Database, type ForEachRead } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { KnownRun } from './runBook.ts';

/** Datasets that are read at once: each may take thousands of pages, and the database has other work. */
const atOnce = 4;
/** Inputs that are kept while their datasets stay as they are. */
const kept = 200;

export type InputReader = ReturnType<typeof createInputReader>;

/**
 * Reads what runs take from other jobs' snapshots (`forEach`) beside everything else, so that a large dataset delays only those that wait for it.
 * `onRead` is told of each run whose input is there; one that cannot be read is asked for again with `retry`.
 */
export function createInputReader({ database, read: readInput = readForEach, onRead, log }: {
  readonly database: Database;
  readonly read?: typeof readForEach;
  readonly onRead: (run: KnownRun) => void;
  readonly log: Pick<Logger, 'warn'>;
}) {
  const wanted = new Map<string, { readonly job: string; readonly field: string; readonly runs: Set<KnownRun> }>();
  const last = new Map<string, ForEachRead>();
  let failed: KnownRun[] = [];
  let reading = 0;

  const read = async (key: string): Promise<void> => {
    const want = wanted.get(key);
    if (want === undefined) return;
    const { job, field, runs } = want;
    try {
      const found = await readInput({ database, job, field, before: last.get(key) });
      last.delete(key); // the one read last is last
      last.set(key, found);
      const [oldest] = last.keys();
      if (last.size > kept && oldest !== undefined) last.delete(oldest);
      wanted.delete(key);
      for (const run of runs) {
        run.forEach = found.input;
        onRead(run);
      }
    } catch (error) {
      wanted.delete(key);
      failed.push(...runs);
      log.warn({ err: error, job, field, runs: runs.size }, 'the input of runs could not be read; it is tried again');
    }
  };

  const pump = (queue: string[]): void => {
    while (reading < atOnce) {
      const key = queue.shift();
      if (key === undefined) return;
      reading += 1;
      void read(key).finally(() => { reading -= 1; pump(queue); });
    }
  };
  const queue: string[] = [];

  return {
    /** Asks for what the run takes along: true where it has that; if not, it is being read from here on. Only for runs that are prepared. */
    ask(run: KnownRun): boolean {
      const source = run.inputs.forEach === undefined && run.state === 'due' ? run.prepared?.spec.forEachJob : undefined;
      if (source === undefined || run.forEach !== undefined) return true;
      const key = `${source.job} ${source.field}`;
      const want = wanted.get(key);
      if (want === undefined) {
        wanted.set(key, { ...source, runs: new Set([run]) });
        queue.push(key);
        pump(queue);
      } else want.runs.add(run);
      return false;
    },

    /** Has the runs asked again whose input could not be read. */
    retry(): void {
      const again = failed;
      failed = [];
      for (const run of again) onRead(run);
    },
  };
}
