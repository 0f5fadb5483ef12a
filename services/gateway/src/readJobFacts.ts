import type { Database, JobDocument, RunDocument } from '@gleaner/database';
import type { JobFacts } from './core/jobAnswer.ts';

/** How many of a job's newest runs are looked at for its last one and its health. */
const recent = 10;

type RecentRun = Pick<RunDocument, '_id' | 'state' | 'endedAt'>;

/** Next fire, last run, last success and item count of jobs, by job id, in three reads however many jobs there are. */
export async function readJobFacts({ database, jobs }: { readonly database: Database; readonly jobs: readonly JobDocument[] }): Promise<Map<string, JobFacts>> {
  const ids = jobs.map(({ _id }) => _id);
  const { collections, db } = database;
  const [schedules, heads, runs] = await Promise.all([
    collections.schedules.find({ _id: { $in: ids } }, { projection: { nextFire: 1, version: 1 } }).toArray(),
    db.collection<{ _id: string; total?: number; observedAt?: Date }>('heads').find({ _id: { $in: jobs.map(({ dataset }) => dataset) } }, { projection: { total: 1, observedAt: 1 } }).toArray(),
    collections.jobs.aggregate<{ _id: string; runs: RecentRun[] }>([
      { $match: { _id: { $in: ids } } },
      { $lookup: {
        from: 'runs', localField: '_id', foreignField: 'job', let: { dataset: '$dataset' }, as: 'runs',
        pipeline: [{ $sort: { scheduledAt: -1, _id: -1 } }, { $match: { $expr: { $eq: ['$dataset', '$$dataset'] } } }, { $limit: recent }, { $project: { state: 1, endedAt: 1 } }],
      } },
      { $project: { runs: 1 } },
    ]).toArray(),
  ]);
  const scheduleOf = new Map(schedules.map((schedule) => [schedule._id, schedule]));
  const headOf = new Map(heads.map((head) => [head._id, head]));
  const runsOf = new Map(runs.map((row) => [row._id, row.runs]));
  return new Map(jobs.map((job) => {
    const head = headOf.get(job.dataset);
    const happened = (runsOf.get(job._id) ?? []).filter(({ state }) => state !== 'skipped' && state !== 'missed');
    const told = happened.find(({ state }) => ['succeeded', 'unchanged', 'quarantined', 'failed', 'retrying'].includes(state));
    return [job._id, { nextFire: scheduleOf.get(job._id)?.nextFire, lastRun: happened[0], toldState: told?.state, lastSuccessAt: head?.observedAt, itemCount: head?.total }];
  }));
}
