import type { Validators } from '@gleaner/contracts';
import { revisionId, type Database } from '@gleaner/database';
import { validatorsFor } from './core/tickText.ts';
import type { KnownRun } from './runBook.ts';
import type { RunSpec, TickSpecs } from './tickSpecs.ts';

/** What a tick needs beside its run: read up to half a second before the moment, so that the moment itself reads nothing. */
export interface PreparedTick {
  readonly spec: RunSpec;
  readonly validators: Validators | undefined;
}

/** What was prepared is to be read anew before the run starts: time has passed since, or its job has changed. */
export function forgetPrepared(run: KnownRun): void {
  run.prepared = undefined;
  run.forEach = undefined;
}

interface HeadFacts {
  readonly _id: string;
  readonly validators?: Validators;
  readonly extractionHash?: string;
  readonly requestHash?: string;
}

/** Reads specs and validators of these runs in two queries and leaves them on the runs. A run whose version is not to be found stays unprepared. */
export async function prepareTicks({ database, specs, runs }: { readonly database: Database; readonly specs: TickSpecs; readonly runs: readonly KnownRun[] }): Promise<void> {
  if (runs.length === 0) return;
  const [found, heads] = await Promise.all([specs.of(runs), headsOf(database, runs)]);
  for (const run of runs) {
    const spec = found.get(revisionId(run.job, run.jobVersion));
    run.prepared = spec === undefined ? undefined : { spec, validators: validatorsFor({ spec, head: heads.get(run.dataset), without: run.withoutValidators === true }) };
  }
}

async function headsOf(database: Database, runs: readonly KnownRun[]): Promise<ReadonlyMap<string, HeadFacts>> {
  const datasets = [...new Set(runs.map(({ dataset }) => dataset))];
  const heads = await database.db.collection<HeadFacts>('heads')
    .find({ _id: { $in: datasets }, validators: { $exists: true } }, { projection: { validators: 1, extractionHash: 1, requestHash: 1 }, batchSize: 1_000 }).toArray();
  return new Map(heads.map((head) => [head._id, head]));
}
