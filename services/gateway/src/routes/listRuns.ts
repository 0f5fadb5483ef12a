import { jobId, runStates, runTriggers } from '@gleaner/contracts';
import { runsAnswer } from '@gleaner/contracts/answers';
import type { Filter, RunDocument } from '@gleaner/database';
import { z } from 'zod';
import { paging, several, when } from '../core/queryFields.ts';
import { runAnswer } from '../core/runAnswer.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { pagedFind } from '../pagedFind.ts';

export const listRuns = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/runs', scope: 'read', tag: 'runs', summary: 'The ledger: runs, and the fires that had none with the reason, newest first',
    query: z.strictObject({
      ...paging,
      job: jobId.optional().meta({ description: 'Runs of this job, by their planned moment; without it by when they were made.' }),
      state: several(z.enum(runStates), { max: 20 }).optional().meta({ description: 'One state or several between commas.' }),
      trigger: several(z.enum(runTriggers), { max: 10 }).optional(),
      since: when.optional().meta({ description: 'Not older than this moment.' }),
      until: when.optional().meta({ description: 'Older than this moment.' }),
    }),
    answers: { 200: { description: 'A page of runs.', schema: runsAnswer } },
    handle: async (request) => {
      const { limit, after, job, state, trigger, since, until } = request.query;
      const by = job === undefined ? 'insertedAt' : 'scheduledAt';
      const filter = {
        ...(job === undefined ? {} : { job }),
        ...(state === undefined ? {} : { state: state.length === 1 ? state[0] : { $in: state } }),
        ...(trigger === undefined ? {} : { trigger: { $in: trigger } }),
        ...(since || until ? { [by]: { ...(since ? { $gte: since } : {}), ...(until ? { $lt: until } : {}) } } : {}),
      } as Filter<RunDocument>;
      const scope = JSON.stringify([job, state, trigger, since, until]);
      const { rows, next } = await pagedFind<RunDocument>({ collection: database.collections.runs, filter, by, limit, after, cursors, kind: 'runs', scope });
      return listPage(request, { runs: rows.map(runAnswer), next });
    },
  });
