import { runSchema } from '@gleaner/contracts/answers';
import { findJob, updateRun } from '@gleaner/database';
import { ProblemError } from '../core/problem.ts';
import { runAnswer } from '../core/runAnswer.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { expectRun, runParams, stateConflict } from './runParams.ts';

/** Accept and reject: one mark on the run, carried out by storage. */
const decideRun = ({ database, messenger }: Gateway, accept: boolean): Route => {
  const verb = accept ? 'accept' : 'reject';
  return defineRoute({
    method: 'POST', path: `/v1/runs/:run/${verb}`, scope: 'operate', tag: 'runs',
    summary: accept ? 'Take a quarantined snapshot as good: it is applied at its own moment' : 'Turn a quarantined snapshot down: the run ends as failed',
    params: runParams,
    answers: { 202: { description: 'The decision stands and is being carried out.', schema: runSchema }, 409: { description: 'The run is not in quarantine, or was decided otherwise; `state` says.' } },
    audit: { action: `run.${verb}`, target: ({ params }) => params['run'] ?? '' },
    handle: async ({ params: { run: id }, principal }) => {
      const standing = await expectRun({ database, id });
      const job = await findJob({ database, id: standing.job });
      if (job === null || job.dataset !== standing.dataset) throw new ProblemError('job_deleted', `job ${standing.job} is deleted: nothing is applied to it any more`);
      const decision = { accept, by: principal.name, at: database.clock.now() };
      const decided = await updateRun({ database, run: id, where: { state: 'quarantined', decision: { $exists: false } }, set: { decision } });
      if (decided) {
        messenger.announceCommand('decision');
        return json(runAnswer(decided), { status: 202 });
      }
      const run = await expectRun({ database, id });
      // The same decision again is no conflict: it stands.
      if (run.decision?.accept === accept) return json(runAnswer(run), { status: 202 });
      throw stateConflict(run, run.decision ? `it was ${run.decision.accept ? 'accepted' : 'rejected'} by ${run.decision.by}` : `only a quarantined run can be ${verb}ed`);
    },
  });
};

export const acceptRun = (gateway: Gateway): Route => decideRun(gateway, true);
export const rejectRun = (gateway: Gateway): Route => decideRun(gateway, false);
