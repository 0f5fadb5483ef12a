import { revisionsAnswer } from '@gleaner/contracts/answers';
import type { RevisionDocument } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { paging } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { pagedFind } from '../pagedFind.ts';
import { jobParams } from './jobParams.ts';

export const listRevisions = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/revisions', scope: 'read', tag: 'jobs', summary: 'Every version of a job, newest first, those before a deletion too',
    params: jobParams, query: z.strictObject(paging),
    answers: { 200: { description: 'A page of revisions.', schema: revisionsAnswer } },
    handle: async (request) => {
      const { params: { job }, query: { limit, after } } = request;
      const { rows, next } = await pagedFind<RevisionDocument>({ collection: database.collections.revisions, filter: { job }, by: 'changedAt', limit, after, cursors, kind: 'revisions', scope: job });
      if (rows.length === 0 && after === undefined) throw new ProblemError('not_found', `there is no job ${JSON.stringify(job)}, and there never was`);
      return listPage(request, {
        revisions: rows.map(({ version, what, by, changedAt, paused, definition }) => ({ job, version, what, by, changedAt, paused, definition })), next,
      });
    },
  });
