import { createHash } from 'node:crypto';
import { observedAtOf, stableHash } from '@gleaner/contracts';
import { itemsAnswer } from '@gleaner/contracts/answers';
import { readHead } from '@gleaner/database';
import { z } from 'zod';
import { dataFilter } from '../core/dataFilter.ts';
import { fieldTree } from '../core/fieldTree.ts';
import { JsonWriter } from '../core/jsonWriter.ts';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { text, type Answer } from '../http/answer.ts';
import { defineRoute, type RouteRequest } from '../http/route.ts';
import { itemsBody, itemTypes, type ItemType } from '../itemsBody.ts';
import { nextUrl } from '../listPage.ts';
import { readItemsPage, type RowsPage } from '../readItemsPage.ts';
import { itemsQuery, readWhere, type ItemsQuery } from './itemsQuery.ts';
import { jobParams, type Dataset } from './jobParams.ts';

type Request = Pick<RouteRequest<unknown, ItemsQuery, undefined>, 'query' | 'accept' | 'header' | 'url'>;

/** One writer for all pages: each is written without a pause in between, and leaves as a copy. */
const out = new JsonWriter({ initialBytes: 1024 * 1024 });

const answers = {
  200: { description: 'Items sorted by key (by its UTF-8 bytes).', schema: itemsAnswer, types: itemTypes },
  304: { description: 'The same as If-None-Match names.' },
  404: { description: 'No such job, or `before_first`: the moment lies before the first snapshot.' },
  409: { description: '`history_changed`: a late snapshot has rewritten what the cursor reads.' },
  410: { description: '`swept`: retention has taken the moment.' },
};

export const listItems = (gateway: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/items', scope: 'read', tag: 'items', summary: 'Items: the latest, at a moment, of a run, or of keys; pages stay on one moment while new snapshots land',
    params: jobParams, query: itemsQuery, answers,
    handle: async (request) => await gateway.datasets.with(request.params.job, async (owner) => await answerItems(gateway, owner, request)),
  });

export const getItem = (gateway: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/items/:key', scope: 'read', tag: 'items', summary: 'One item, for keys of letters, digits and _ . ~ -; any other key goes in `?key=`',
    params: z.strictObject({ job: jobParams.shape.job, key: z.string().max(1_024) }),
    query: z.strictObject({ at: itemsQuery.shape.at, run: itemsQuery.shape.run, fields: itemsQuery.shape.fields }),
    answers,
    handle: async (request) =>
      await gateway.datasets.with(request.params.job, async (owner) => await answerItems(gateway, owner, { ...request, query: { ...request.query, limit: 1, key: [request.params.key] } })),
  });

async function answerItems({ database, cursors, keyframes }: Gateway, { dataset }: Dataset, request: Request): Promise<Answer> {
  const { query } = request;
  const type = request.accept(itemTypes) as ItemType | undefined;
  if (type === undefined) throw new ProblemError('not_acceptable', `expected Accept to allow one of ${itemTypes.join(', ')}`);
  const where = readWhere(query.where);
  const scope = stableHash([dataset, query.where, query.fields]);
  const place = query.after === undefined ? undefined : cursors.read(query.after, { kind: 'items', scope });
  const pinned = place && { position: String(place['position']), rev: Number(place['rev']) };
  const tagged = etagOf(dataset, request.url, type);

  const ifNoneMatch = request.header('if-none-match');
  if (ifNoneMatch !== undefined && query.at === undefined && query.run === undefined && pinned === undefined) {
    // One small read answers "nothing new" without reading a page.
    const head = await readHead({ database, dataset });
    const etag = head && !head.deleted && tagged(head.rev, head.position);
    if (etag && ifNoneMatch === etag) return { status: 304, headers: { etag } };
  }
  const page = await readItemsPage({
    database, keyframes, dataset, limit: query.limit, keys: query.key,
    ...(pinned ? { pinned, after: String(place['key']) } : { at: query.at, run: query.run }),
    ...(where === undefined ? {} : { filter: dataFilter(where) }),
  });
  const at = place ? String(place['at']) : answeredAt({ page, asked: query.at, now: database.clock.now() });
  const next = page.next === undefined || page.snapshot === undefined ? undefined
    : cursors.write({ kind: 'items', scope, place: { position: page.snapshot.position, rev: page.rev, key: page.next, at } });
  const body = itemsBody({
    type, rows: page.rows, out, fields: query.fields && fieldTree(query.fields), fieldPaths: query.fields,
    facts: { at, snapshot: page.snapshot?.run, total: where === undefined ? (page.snapshot?.total ?? 0) : undefined, next },
  });
  return text(body, type === 'text/csv' ? 'text/csv; charset=utf-8' : type, {
    etag: tagged(page.rev, page.snapshot?.position),
    headers: { vary: 'Accept', ...(next === undefined ? {} : { link: `<${nextUrl(request, next)}>; rel="next"` }), ...(page.snapshot ? { 'last-modified': page.snapshot.observedAt.toUTCString() } : {}) },
  });
}

/** The moment that is answered for: the one asked for, unless that is the future; else the snapshot's. */
function answeredAt({ page, asked, now }: { readonly page: RowsPage; readonly asked: Date | undefined; readonly now: Date }): string {
  if (asked !== undefined && asked <= now) return asked.toISOString();
  return (page.snapshot ? observedAtOf(page.snapshot.position) : now).toISOString();
}

/** The head's `rev` grows with every write to the dataset: with the request it names a page without looking at its bytes. */
const etagOf = (dataset: string, url: string, type: string) => (rev: number, position: string | undefined): string =>
  `W/"${createHash('sha1').update(`${dataset}\n${url}\n${type}\n${rev}\n${position ?? ''}`).digest('base64url')}"`;
