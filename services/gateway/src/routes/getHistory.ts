import { observedAtOf } from '@gleaner/contracts';
import { historyAnswer } from '@gleaner/contracts/answers';
import { readHistory } from '@gleaner/database';
import { z } from 'zod';
import { paging } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import type { Answer } from '../http/answer.ts';
import { defineRoute, type RawRequest } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { expectDataset, jobParams, type Dataset } from './jobParams.ts';

type Request = Pick<RawRequest, 'url'> & { readonly query: { readonly limit: number; readonly after?: string | undefined } };

const key = z.string().max(1_024);
const spec = { scope: 'read', tag: 'items', answers: { 200: { description: 'Versions, newest first; none for a key that never was.', schema: historyAnswer } } } as const;

export const getHistory = (gateway: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/history', summary: 'How one item changed, newest first', ...spec,
    params: jobParams, query: z.strictObject({ ...paging, key }),
    handle: async (request) => await answerHistory(gateway, await expectDataset({ database: gateway.database, id: request.params.job }), request.query.key, request),
  });

export const getItemHistory = (gateway: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/items/:key/history', summary: 'How one item changed, for keys of letters, digits and _ . ~ -', ...spec,
    params: z.strictObject({ job: jobParams.shape.job, key }), query: z.strictObject(paging),
    handle: async (request) => await answerHistory(gateway, await expectDataset({ database: gateway.database, id: request.params.job }), request.params.key, request),
  });

async function answerHistory({ database, cursors }: Gateway, { dataset }: Dataset, itemKey: string, request: Request): Promise<Answer> {
  const { limit, after } = request.query;
  const list = { kind: 'history', scope: `${dataset}\n${itemKey}` };
  const place = after === undefined ? undefined : cursors.read(after, list);
  const position = place && String(place['position']);
  // What the cursor goes on from must still be what it was: 409 where a late snapshot has rewritten it, 410 where it was swept.
  const pinned = place && position !== undefined ? { position, rev: Number(place['rev']) } : undefined;
  const page = await readHistory({ database, dataset, key: itemKey, after: position, pinned, limit });
  const next = page.next === undefined ? undefined : cursors.write({ ...list, place: { position: page.next, rev: place ? Number(place['rev']) : page.rev } });
  const versions = page.versions.map(({ from, to, hash, data }) => ({ from: observedAtOf(from), ...(to === undefined ? {} : { to: observedAtOf(to) }), ...(hash === null ? { removed: true } : { data }) }));
  return listPage(request, { key: itemKey, versions, next });
}
