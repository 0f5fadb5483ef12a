import { deleteJob as removeJob } from '@gleaner/database';
import { versionOfIfMatch } from '../core/jobEtag.ts';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { nothing } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { jobParams } from './jobParams.ts';

export const deleteJob = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'DELETE', path: '/v1/jobs/:job', scope: 'write', tag: 'jobs', summary: 'Delete a job: waiting and running runs are cancelled, its data is swept; runs and letters stay readable',
    params: jobParams,
    headers: { 'If-Match': 'Only if the job is still at this version (its ETag).' },
    answers: { 204: { description: 'Deleted.' } },
    audit: { action: 'job.delete', target: ({ params }) => params['job'] ?? '' },
    handle: async ({ params: { job: id }, header, principal }) => {
      const ifVersion = versionOfIfMatch(header('if-match'));
      const deleted = await removeJob({ database, id, by: principal.name, ...(ifVersion === undefined ? {} : { ifVersion }) });
      if (!deleted) throw new ProblemError('not_found', `there is no job ${JSON.stringify(id)}`);
      messenger.announceJob({ job: id, version: 0, what: 'deleted' });
      return nothing();
    },
  });
