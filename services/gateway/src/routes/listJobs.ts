import { jobsAnswer } from '@gleaner/contracts/answers';
import type { JobDocument } from '@gleaner/database';
import { z } from 'zod';
import { jobAnswer } from '../core/jobAnswer.ts';
import { paging, yesNo } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { pagedFind } from '../pagedFind.ts';
import { readJobFacts } from '../readJobFacts.ts';

export const listJobs = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs', scope: 'read', tag: 'jobs', summary: 'Jobs with their state, last run, next fire and health, newest first',
    query: z.strictObject({ ...paging, paused: yesNo.optional() }),
    answers: { 200: { description: 'A page of jobs.', schema: jobsAnswer } },
    handle: async (request) => {
      const { limit, after, paused } = request.query;
      const { rows, next } = await pagedFind<JobDocument>({
        collection: database.collections.jobs, by: 'createdAt', limit, after, cursors, kind: 'jobs', scope: String(paused),
        filter: { deleted: { $exists: false }, ...(paused === undefined ? {} : { paused }) },
      });
      const facts = await readJobFacts({ database, jobs: rows });
      const now = database.clock.now();
      return listPage(request, { jobs: rows.map((job) => jobAnswer({ job, facts: facts.get(job._id) ?? {}, now })), next });
    },
  });
