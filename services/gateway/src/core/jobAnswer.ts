import type { Fault, JobAnswer, RunState } from '@gleaner/contracts';
import type { JobDocument, RunDocument } from '@gleaner/database';
import { healthOf } from './healthOf.ts';

/** What is known of a job beside its definition. */
export interface JobFacts {
  readonly nextFire?: Date | undefined;
  readonly lastRun?: Pick<RunDocument, '_id' | 'state' | 'endedAt'> | undefined;
  /** State of the newest run that says something of the upstream. */
  readonly toldState?: RunState | undefined;
  readonly lastSuccessAt?: Date | undefined;
  readonly itemCount?: number | undefined;
}

/** A job as the API shows it; `PUT` takes it back as it is. */
export function jobAnswer({ job, facts, now, warnings = [] }: { readonly job: JobDocument; readonly facts: JobFacts; readonly now: Date; readonly warnings?: readonly Fault[] }): JobAnswer {
  const { nextFire, lastRun, toldState, lastSuccessAt, itemCount } = facts;
  const self = `/v1/jobs/${job._id}`;
  return {
    id: job._id, ...job.definition, version: job.version, paused: job.paused,
    ...(nextFire && !job.paused ? { nextFire: nextFire.toISOString() } : {}),
    ...(lastRun ? { lastRun: { id: lastRun._id, state: lastRun.state, ...(lastRun.endedAt ? { endedAt: lastRun.endedAt.toISOString() } : {}) } } : {}),
    ...(lastSuccessAt ? { lastSuccessAt: lastSuccessAt.toISOString() } : {}),
    ...(itemCount === undefined ? {} : { itemCount }),
    health: healthOf({ paused: job.paused, lastState: toldState, lastSuccessAt, expectEvery: job.definition.expectEvery, since: job.createdAt, now }),
    createdAt: job.createdAt.toISOString(), changedAt: job.changedAt.toISOString(),
    links: { self, items: `${self}/items`, runs: `/v1/runs?job=${job._id}`, snapshots: `${self}/snapshots`, fires: `${self}/fires`, revisions: `${self}/revisions` },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
