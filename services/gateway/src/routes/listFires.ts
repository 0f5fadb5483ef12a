import { firesAnswer } from '@gleaner/contracts/answers';
import { nextFires } from '@gleaner/schedule';
import { z } from 'zod';
import { when, wholeNumber } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectJob, jobParams } from './jobParams.ts';

export const listFires = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/fires', scope: 'read', tag: 'jobs', summary: 'The coming fires, days of a clock change marked; what they would be while the job is paused, too',
    params: jobParams,
    query: z.strictObject({ count: wholeNumber({ min: 1, max: 1_000 }).default(20), from: when.optional().meta({ description: 'Fires after this moment; default now.' }) }),
    answers: { 200: { description: 'Fires, soonest first; none for a job on demand.', schema: firesAnswer } },
    handle: async ({ params, query: { count, from } }) => {
      const job = await expectJob({ database, id: params.job });
      const fires = nextFires(job.definition.schedule, { after: from ?? database.clock.now(), count, jobId: job._id });
      return json({ fires: fires.map(({ at, note }) => ({ at, ...(note ? { note } : {}) })) });
    },
  });
