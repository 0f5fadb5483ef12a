import type { Gateway } from '../gateway.ts';
import type { Route } from '../http/route.ts';
import { backfillJob } from './backfillJob.ts';
import { cancelRun } from './cancelRun.ts';
import { acceptRun, rejectRun } from './decideRun.ts';
import { deleteJob } from './deleteJob.ts';
import { documentation } from './documentation.ts';
import { getDiff } from './getDiff.ts';
import { getHistory, getItemHistory } from './getHistory.ts';
import { getJob } from './getJob.ts';
import { getLetter } from './getLetter.ts';
import { getRun } from './getRun.ts';
import { getSeries } from './getSeries.ts';
import { getLive, getMetrics, getReady } from './health.ts';
import { listAudit } from './listAudit.ts';
import { listFires } from './listFires.ts';
import { getItem, listItems } from './listItems.ts';
import { listJobs } from './listJobs.ts';
import { listLetters } from './listLetters.ts';
import { listRevisions } from './listRevisions.ts';
import { listRuns } from './listRuns.ts';
import { listSnapshots } from './listSnapshots.ts';
import { createKey, listKeys, revokeKey } from './manageKeys.ts';
import { discardLetters, replayLetters } from './moveLetters.ts';
import { pauseJob, resumeJob } from './pauseJob.ts';
import { putJob } from './putJob.ts';
import { retryRun } from './retryRun.ts';
import { createSessionRoute, endSessionRoute, getRoot } from './session.ts';
import { simulateJobs } from './simulateJobs.ts';
import { startRun } from './startRun.ts';
import { streamEvents } from './streamEvents.ts';
import { tryJob } from './tryJob.ts';

/** Every route, in the order in which the documentation shows them. A path with a fixed word stands before one with a name in its place. */
const makers: readonly ((gateway: Gateway) => Route)[] = [
  listJobs, putJob, getJob, deleteJob, listRevisions, pauseJob, resumeJob, listFires, simulateJobs, tryJob,
  startRun, backfillJob, listRuns, getRun, cancelRun, retryRun, acceptRun, rejectRun,
  listSnapshots, listItems, getItem, getItemHistory, getHistory, getDiff, getSeries,
  listLetters, replayLetters, discardLetters, getLetter,
  streamEvents,
  listKeys, createKey, revokeKey, listAudit,
  getRoot, createSessionRoute, endSessionRoute,
  getLive, getReady, getMetrics,
];

/** The routes of a gateway, those that document them included. */
export function routesOf({ gateway, version }: { readonly gateway: Gateway; readonly version: string }): readonly Route[] {
  const routes: Route[] = makers.map((make) => make(gateway));
  routes.push(...documentation({ routes: () => routes, version }));
  return routes;
}
