import { observedAtOf, stableHash } from '@gleaner/contracts';
import { diffAnswer } from '@gleaner/contracts/answers';
import { diffMoments, type MomentRequest } from '@gleaner/database';
import { z } from 'zod';
import { paging, when } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { expectDataset, jobParams } from './jobParams.ts';

/** A moment, or the run whose snapshot is meant. */
const momentOrRun = z.union([
  z.string().max(200).regex(/@/, 'expected a moment such as 2026-12-01T05:00:00Z, or the id of a run').transform((run): MomentRequest => ({ run })),
  when.transform((at): MomentRequest => ({ at })),
]);

export const getDiff = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/diff', scope: 'read', tag: 'items', summary: 'What is different between two moments, in the order of keys',
    params: jobParams,
    query: z.strictObject({
      ...paging,
      from: momentOrRun.meta({ description: 'A moment, or the id of a run.' }),
      to: momentOrRun.optional().meta({ description: 'A moment, or the id of a run; default the latest.' }),
    }),
    answers: { 200: { description: 'A page of differences; `limit` counts added, removed and changed together.', schema: diffAnswer } },
    handle: async (request) => {
      const { limit, after, from, to = {} } = request.query;
      const { dataset } = await expectDataset({ database, id: request.params.job });
      const list = { kind: 'diff', scope: stableHash([dataset, named(from), named(to)]) };
      const place = after === undefined ? undefined : cursors.read(after, list);
      const pinned = (name: string): MomentRequest => ({ pinned: { position: String(place?.[name]), rev: Number(place?.['rev']) } });
      const page = await diffMoments({
        database, dataset, limit,
        ...(place ? { from: pinned('from'), to: pinned('to'), after: String(place['key']) } : { from, to }),
      });
      const now = database.clock.now();
      const momentOf = (asked: MomentRequest, row: { readonly position: string } | undefined): Date => (asked.at !== undefined && asked.at <= now ? asked.at : row ? observedAtOf(row.position) : now);
      const next = page.next === undefined || !page.from || !page.to ? undefined
        : cursors.write({ ...list, place: { from: page.from.position, to: page.to.position, rev: place ? Number(place['rev']) : page.rev, key: page.next } });
      return listPage(request, {
        from: momentOf(from, page.from), to: momentOf(to, page.to),
        added: page.differences.flatMap((one) => (one.kind === 'added' ? [{ key: one.key, data: one.after }] : [])),
        removed: page.differences.flatMap((one) => (one.kind === 'removed' ? [{ key: one.key, data: one.before }] : [])),
        changed: page.differences.flatMap((one) => (one.kind === 'changed' ? [{ key: one.key, before: one.before, after: one.after }] : [])),
        next,
      });
    },
  });

const named = ({ at, run }: MomentRequest): string => run ?? at?.toISOString() ?? 'latest';
