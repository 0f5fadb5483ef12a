import { maxAttempts } from '@gleaner/contracts';
import { runSchema } from '@gleaner/contracts/answers';
import { findJob, findRun, moveRun, replayRunLetter, type ClientSession, type Database, type RunDocument } from '@gleaner/database';
import { ProblemError } from '../core/problem.ts';
import { runAnswer } from '../core/runAnswer.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectRun, runParams, stateConflict } from './runParams.ts';

export const retryRun = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/runs/:run/retry', scope: 'operate', tag: 'runs', summary: 'Give a failed run another chance, with the job\'s present version; its letter counts as replayed',
    params: runParams,
    answers: { 202: { description: 'The run is due again.', schema: runSchema }, 409: { description: '`state_conflict`: it has not failed; `job_deleted`: its job, or the dataset it belongs to, is gone.' } },
    audit: { action: 'run.retry', target: ({ params }) => params['run'] ?? '' },
    handle: async ({ params: { run: id }, choose }) => {
      const attempts = await choose(async () => expectFailed(await expectRun({ database, id })).attempts);
      const run = await database.transaction(async (session) => await retry({ database, id, attempts, session }));
      messenger.announceRun(run);
      return json(runAnswer(run), { status: 202, headers: { location: `/v1/runs/${id}` } });
    },
  });

function expectFailed(run: RunDocument): RunDocument {
  if (run.state !== 'failed') throw stateConflict(run, 'only a failed run can be retried');
  return run;
}

/** `attempts`: how often the run had been tried when this was asked first. */
async function retry({ database, id, attempts, session }: { readonly database: Database; readonly id: string; readonly attempts: number; readonly session: ClientSession }): Promise<RunDocument> {
  const run = await findRun({ database, run: id, session });
  if (run === null) throw new ProblemError('not_found', `there is no run ${JSON.stringify(id)}`);
  if (expectFailed(run).attempts > attempts) throw stateConflict(run, 'it has been tried again since this was asked, and failed once more');
  const job = await findJob({ database, id: run.job, session });
  if (job === null || job.dataset !== run.dataset) throw new ProblemError('job_deleted', `job ${run.job} is deleted${job === null ? '' : ' and was made again'}: its old runs stay as they are`);
  const now = database.clock.now();
  const { expires } = job.definition.schedule;
  const set = { ...(expires === undefined ? {} : { expiresAt: new Date(now.getTime() + expires) }), jobVersion: job.version, maxAttempts: run.attempts + maxAttempts(job.definition) };
  const letter = run.letter === undefined ? null : await database.collections.deadLetters.findOne({ _id: run.letter }, { session });
  // A run that was lost has no letter; any other has, and both change together.
  if (letter?.state === 'parked') await replayRunLetter({ database, letter, now, session, set });
  else await moveRun({ database, session, run: id, to: 'due', set: { dueAt: now, dueSince: now, ...set }, unset: ['letter'] });
  const moved = await findRun({ database, run: id, session });
  if (moved === null || moved.state !== 'due') throw stateConflict(moved ?? run, 'it was moved by somebody else meanwhile');
  return moved;
}
