import { extractionHash, jobDefinitionSchema, requestHash } from '@gleaner/contracts';
import { revisionId, type Database, type JobDocument } from '@gleaner/database';

/** Writes jobs as `putJob` does, thousands at a time; `schedule` is asked for each job's schedule. Their upstreams are 500 origins. */
export async function seedJobs({ database, count, schedule }: { readonly database: Database; readonly count: number; readonly schedule: (index: number) => object }): Promise<void> {
  const { jobs, revisions } = database.collections;
  const changedAt = database.clock.now();
  for (let from = 0; from < count; from += 5_000) {
    const list = Array.from({ length: Math.min(5_000, count - from) }, (_, offset): JobDocument => {
      const index = from + offset;
      const definition = jobDefinitionSchema.parse({ schedule: schedule(index), source: { http: { url: `https://upstream-${index % 500}.example/feed/${index}` } }, key: 'id', fields: { name: 'Name', value: 'Value' } });
      return { _id: `job-${index}`, version: 1, dataset: `dataset-${index}`, definition, extractionHash: extractionHash(definition), requestHash: requestHash(definition), paused: false, createdAt: changedAt, changedAt };
    });
    await jobs.insertMany(list);
    await revisions.insertMany(list.map(({ _id, createdAt: _createdAt, ...job }) => ({ ...job, _id: revisionId(_id, 1), job: _id, what: 'put' as const, by: 'bench' })));
    await database.db.collection<{ _id: string }>('heads').insertMany(list.map(({ _id, dataset }) => ({ _id: dataset, job: _id, rev: 0 })) as { _id: string }[]);
  }
}
