import type { RunState } from '@gleaner/contracts';
import type { Database, JobDocument, RunDocument } from '@gleaner/database';
import type { JobFacts } from './core/jobAnswer.ts';

/** How many of a job's newest runs are looked at first for its last one and its health. */
const recent = 10;

/** Fires that had no run say nothing of how a job stands. */
const without: readonly RunState[] = ['skipped', 'missed'];
/** States that say something of the upstream. */
const telling: readonly RunState[] = ['succeeded', 'unchanged', 'quarantined', 'failed', 'retrying'];

type RecentRun = Pick<RunDocument, '_id' | 'state' | 'endedAt'>;

/** Next fire, last run, last success and item count of jobs, by job id, in three reads however many jobs there are, and two more where the newest runs of some do not say how their upstream stands. */
export async function readJobFacts({ database, jobs }: { readonly database: Database; readonly jobs: readonly JobDocument[] }): Promise<Map<string, JobFacts>> {
  const ids = jobs.map(({ _id }) => _id);
  const { collections, db } = database;
  const [schedules, heads, runs] = await Promise.all([
    collections.schedules.find({ _id: { $in: ids } }, { projection: { nextFire: 1, version: 1 } }).toArray(),
    db.collection<{ _id: string; total?: number; observedAt?: Date }>('heads').find({ _id: { $in: jobs.map(({ dataset }) => dataset) } }, { projection: { total: 1, observedAt: 1 } }).toArray(),
    newestRuns({ database, ids, states: {}, most: recent }),
  ]);
  const scheduleOf = new Map(schedules.map((schedule) => [schedule._id, schedule]));
  const headOf = new Map(heads.map((head) => [head._id, head]));
  const hidden = ids.filter((id) => {
    const newest = runs.get(id) ?? [];
    return newest.length === recent && !newest.some(tells);
  });
  const [lastOf, toldOf] = hidden.length === 0 ? [] : await Promise.all([
    newestRuns({ database, ids: hidden, states: { $nin: [...without] }, most: 1 }), newestRuns({ database, ids: hidden, states: { $in: [...telling] }, most: 1 }),
  ]);
  return new Map(jobs.map((job) => {
    const head = headOf.get(job.dataset);
    const newest = runs.get(job._id) ?? [];
    const last = newest.find(({ state }) => !without.includes(state)) ?? lastOf?.get(job._id)?.[0];
    const told = newest.find(tells) ?? toldOf?.get(job._id)?.[0];
    return [job._id, { nextFire: scheduleOf.get(job._id)?.nextFire, lastRun: last, toldState: told?.state, lastSuccessAt: head?.observedAt, itemCount: head?.total }];
  }));
}

const tells = ({ state }: RecentRun): boolean => telling.includes(state);

/** The newest runs of each job (of its present dataset) in one of these states, `most` at the most; `states: {}` = in any. */
async function newestRuns({ database, ids, states, most }: {
  readonly database: Database; readonly ids: readonly string[]; readonly states: { readonly $in?: RunState[]; readonly $nin?: RunState[] }; readonly most: number;
}): Promise<Map<string, RecentRun[]>> {
  const rows = await database.collections.jobs.aggregate<{ _id: string; runs: RecentRun[] }>([
    { $match: { _id: { $in: [...ids] } } },
    { $lookup: {
      from: 'runs', localField: '_id', foreignField: 'job', let: { dataset: '$dataset' }, as: 'runs',
      pipeline: [
        { $sort: { scheduledAt: -1, _id: -1 } }, { $match: { $expr: { $eq: ['$dataset', '$$dataset'] }, ...(states.$in || states.$nin ? { state: states } : {}) } },
        { $limit: most }, { $project: { state: 1, endedAt: 1 } },
      ],
    } },
    { $project: { runs: 1 } },
  ]).toArray();
  return new Map(rows.map(({ _id, runs }) => [_id, runs]));
}
