import { jobSchema } from '@gleaner/contracts/answers';
import { setPaused } from '@gleaner/database';
import { jobAnswer } from '../core/jobAnswer.ts';
import { jobEtag, versionOfIfMatch } from '../core/jobEtag.ts';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { readJobFacts } from '../readJobFacts.ts';
import { jobParams } from './jobParams.ts';

/** Pause and resume: one thing, said twice. */
const switchJob = ({ database, messenger }: Gateway, paused: boolean): Route => {
  const verb = paused ? 'pause' : 'resume';
  return defineRoute({
    method: 'POST', path: `/v1/jobs/:job/${verb}`, scope: 'operate', tag: 'jobs',
    summary: paused ? 'Stop firing until resumed; runs that wait or run are left alone, and run now still works' : 'Go on with the next fire; the paused stretch is one row of the ledger',
    params: jobParams,
    headers: { 'If-Match': 'Only if the job is still at this version (its ETag).' },
    answers: { 200: { description: 'The job as it is now.', schema: jobSchema } },
    audit: { action: `job.${verb}`, target: ({ params }) => params['job'] ?? '' },
    handle: async ({ params: { job: id }, header, principal }) => {
      const ifVersion = versionOfIfMatch(header('if-match'));
      const job = await setPaused({ database, id, by: principal.name, paused, ...(ifVersion === undefined ? {} : { ifVersion }) });
      if (job === null) throw new ProblemError('not_found', `there is no job ${JSON.stringify(id)}`);
      messenger.announceJob({ job: id, version: job.version, what: paused ? 'paused' : 'resumed' });
      const facts = await readJobFacts({ database, jobs: [job] });
      return json(jobAnswer({ job, facts: facts.get(id) ?? {}, now: database.clock.now() }), { headers: { etag: jobEtag(job.version) } });
    },
  });
};

export const pauseJob = (gateway: Gateway): Route => switchJob(gateway, true);
export const resumeJob = (gateway: Gateway): Route => switchJob(gateway, false);
