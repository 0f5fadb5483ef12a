import { snapshotsAnswer } from '@gleaner/contracts/answers';
import { readSnapshots, type SnapshotDocument } from '@gleaner/database';
import { z } from 'zod';
import { paging } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { expectDataset, jobParams } from './jobParams.ts';

export const listSnapshots = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/snapshots', scope: 'read', tag: 'items', summary: 'Snapshots that can be read, newest first',
    params: jobParams, query: z.strictObject(paging),
    answers: { 200: { description: 'A page of snapshots.', schema: snapshotsAnswer } },
    handle: async (request) => {
      const { limit, after } = request.query;
      const { job, dataset } = await expectDataset({ database, id: request.params.job });
      const list = { kind: 'snapshots', scope: dataset };
      const position = after === undefined ? undefined : String(cursors.read(after, list)['position']);
      const page = await readSnapshots({ database, dataset, after: position, limit });
      const next = page.next === undefined ? undefined : cursors.write({ ...list, place: { position: page.next } });
      return listPage(request, { snapshots: page.snapshots.map((row) => snapshotAnswer(job, row)), next });
    },
  });

/** A snapshot's id is its run's: a run makes one at most. */
const snapshotAnswer = (job: string, { run, observedAt, counts, request, cause, sameAs }: SnapshotDocument) => ({
  id: run, job, run, observedAt, counts, request, ...(cause === undefined ? {} : { cause }), ...(sameAs === undefined ? {} : { sameAs }),
});
