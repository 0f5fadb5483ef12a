import { letterSchema } from '@gleaner/contracts/answers';
import { findRun } from '@gleaner/database';
import { z } from 'zod';
import { letterAnswer } from '../core/letterAnswer.ts';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';

export const getLetter = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/dead-letters/:id', scope: 'read', tag: 'dead letters', summary: 'A letter with its payload, headers and evidence',
    params: z.strictObject({ id: z.string().min(1).max(200) }),
    answers: { 200: { description: 'The letter.', schema: letterSchema } },
    handle: async ({ params: { id } }) => {
      const letter = await database.collections.deadLetters.findOne({ _id: id });
      if (letter === null) throw new ProblemError('not_found', `there is no letter ${JSON.stringify(id)}`);
      const run = letter.run === undefined ? null : await findRun({ database, run: letter.run });
      return json(letterAnswer({ letter, runState: run?.state, whole: true }));
    },
  });
