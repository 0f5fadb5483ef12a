import { runSchema } from '@gleaner/contracts/answers';
import { runAnswer } from '../core/runAnswer.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectRun, runParams } from './runParams.ts';

export const getRun = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/runs/:run', scope: 'read', tag: 'runs', summary: 'A run and how it stands; runs of deleted jobs too',
    params: runParams,
    answers: { 200: { description: 'The run.', schema: runSchema } },
    handle: async ({ params }) => json(runAnswer(await expectRun({ database, id: params.run, committed: true }))),
  });
