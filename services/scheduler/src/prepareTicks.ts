import type { Validators } from '@gleaner/contracts';
import { readForEach, revisionId, type Database, type ForEachInput } from '@gleaner/database';
import { validatorsFor } from './core/tickText.ts';
import type { KnownRun } from './runBook.ts';
import type { RunSpec, TickSpecs } from './tickSpecs.ts';

/** What a tick needs beside its run: read up to half a second before the moment, so that the moment itself reads nothing. */
export interface PreparedTick {
  readonly spec: RunSpec;
  readonly validators: Validators | undefined;
  /** Inputs read from another job's snapshot: frozen on the run when it is queued. */
  readonly forEach?: ForEachInput | undefined;
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
  const inputs = new Map<string, ForEachInput>();
  for (const run of runs) {
    const spec = found.get(revisionId(run.job, run.jobVersion));
    const source = run.inputs.forEach === undefined ? spec?.forEachJob : undefined;
    const key = source === undefined ? '' : `${source.job} ${source.field}`;
    if (source !== undefined && !inputs.has(key)) inputs.set(key, await readForEach({ database, ...source }));
    run.prepared = spec === undefined ? undefined : { spec, forEach: inputs.get(key), validators: validatorsFor({ spec, head: heads.get(run.dataset), without: run.withoutValidators === true }) };
  }
}

async function headsOf(database: Database, runs: readonly KnownRun[]): Promise<ReadonlyMap<string, HeadFacts>> {
  const datasets = [...new Set(runs.map(({ dataset }) => dataset))];
  const heads = await database.db.collection<HeadFacts>('heads')
    .find({ _id: { $in: datasets }, validators: { $exists: true } }, { projection: { validators: 1, extractionHash: 1, requestHash: 1 }, batchSize: 1_000 }).toArray();
  return new Map(heads.map((head) => [head._id, head]));
}
