import { jobId, letterStates } from '@gleaner/contracts';
import { lettersAnswer } from '@gleaner/contracts/answers';
import type { Filter, LetterDocument } from '@gleaner/database';
import { z } from 'zod';
import { letterAnswer } from '../core/letterAnswer.ts';
import { letterFilter } from '../core/letterFilter.ts';
import { paging, several, when } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { pagedFind } from '../pagedFind.ts';
import { readRunStates } from '../readRunStates.ts';

export const listLetters = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/dead-letters', scope: 'read', tag: 'dead letters', summary: 'What failed for good, newest first; looking loses nothing',
    query: z.strictObject({
      ...paging,
      queue: z.string().max(100).optional(), job: jobId.optional(), run: z.string().max(200).optional(),
      class: z.string().max(100).optional().meta({ description: 'Class of the failure, such as http_4xx.' }),
      state: several(z.enum(letterStates), { max: 4 }).optional().meta({ description: 'One state or several between commas; default all.' }),
      since: when.optional().meta({ description: 'Dead not before this moment.' }), until: when.optional().meta({ description: 'Dead before this moment.' }),
    }),
    answers: { 200: { description: 'A page of letters, without payload.', schema: lettersAnswer } },
    handle: async (request) => {
      const { limit, after, ...wanted } = request.query;
      const filter = letterFilter(wanted) as Filter<LetterDocument>;
      const { rows, next } = await pagedFind<LetterDocument>({
        collection: database.collections.deadLetters, filter, by: 'deadAt', limit, after, cursors, kind: 'letters', scope: JSON.stringify(wanted), projection: { payload: 0, evidence: 0, headers: 0 },
      });
      const states = await readRunStates({ database, letters: rows });
      const letters = rows.map((letter) => letterAnswer({ letter, runState: states.get(letter.run ?? ''), whole: false }));
      // A parked letter whose run has succeeded is shown as superseded, and then is not one of the parked.
      return listPage(request, { letters: wanted.state ? letters.filter(({ state }) => wanted.state?.includes(state)) : letters, next });
    },
  });
