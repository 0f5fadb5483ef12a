import { jobSchema } from '@gleaner/contracts/answers';
import { createHash } from 'node:crypto';
import { jobAnswer } from '../core/jobAnswer.ts';
import { jobEtag } from '../core/jobEtag.ts';
import { stringifyValue } from '../core/stringifyValue.ts';
import type { Gateway } from '../gateway.ts';
import { text } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { readJobFacts } from '../readJobFacts.ts';
import { expectJob, jobParams } from './jobParams.ts';

export const getJob = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job', scope: 'read', tag: 'jobs', summary: 'A job: its definition and how it stands',
    params: jobParams,
    answers: { 200: { description: 'The job; `PUT` takes it back as it is.', schema: jobSchema } },
    handle: async ({ params }) => {
      const job = await expectJob({ database, id: params.job });
      const facts = await readJobFacts({ database, jobs: [job] });
      const body = stringifyValue(jobAnswer({ job, facts: facts.get(job._id) ?? {}, now: database.clock.now() }));
      return text(body, 'application/json; charset=utf-8', { etag: jobEtag(job.version, createHash('sha1').update(body).digest('base64url').slice(0, 12)) });
    },
  });
