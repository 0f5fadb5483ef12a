import { createHash } from 'node:crypto';
import { scopes } from '@gleaner/contracts';
import { keysAnswer, newKeyAnswer } from '@gleaner/contracts/answers';
import { createKey as makeKey, listKeys as readKeys, revokeKey as endKey, type KeyDocument } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { when } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { json, nothing } from '../http/answer.ts';
import { readIdempotencyKey } from '../http/readIdempotencyKey.ts';
import { defineRoute } from '../http/route.ts';

/** A key as it may be shown: never its hash. */
const keyAnswer = ({ _id, name, scopes: granted, createdAt, createdBy, expiresAt, revokedAt, revokedBy }: KeyDocument) => ({ id: _id, name, scopes: granted, createdAt, createdBy, expiresAt, revokedAt, revokedBy });

export const listKeys = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/keys', scope: 'admin', tag: 'keys', summary: 'Keys, living and revoked, newest first',
    answers: { 200: { description: 'All keys, without the keys themselves.', schema: keysAnswer } },
    handle: async () => json({ keys: (await readKeys({ database })).map(keyAnswer) }),
  });

export const createKey = ({ database }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/keys', scope: 'admin', tag: 'keys', summary: 'Make a key; its text is in this answer and nowhere else',
    body: z.strictObject({ name: z.string().trim().min(1).max(100), scopes: z.array(z.enum(scopes)).min(1).max(scopes.length), expiresAt: when.optional() }),
    answers: { 201: { description: 'The key.', schema: newKeyAnswer }, 409: { description: 'This Idempotency-Key has made a key already; `id` says which.' } },
    idempotency: 'own',
    headers: { 'Idempotency-Key': 'The same key makes no second key: it is 409 with the id of the first, whose text was told once and is kept nowhere.' },
    audit: { action: 'key.create', target: ({ body }) => (typeof body === 'object' && body !== null && 'name' in body ? String(body.name).slice(0, 100) : '') },
    handle: async ({ body, principal, header }) => {
      if (body.expiresAt && body.expiresAt <= database.clock.now()) throw new ProblemError('bad_request', 'expiresAt: expected a moment in the future', { faults: [{ path: 'expiresAt', code: 'in_the_past', message: 'expected a moment in the future' }] });
      const idempotencyKey = readIdempotencyKey(header('idempotency-key'));
      const id = idempotencyKey && createHash('sha256').update(JSON.stringify([principal.id, idempotencyKey])).digest('hex').slice(0, 26);
      const made = await makeKey({ database, id, name: body.name, scopes: [...new Set(body.scopes)], by: principal.name, expiresAt: body.expiresAt });
      if (made === null) throw new ProblemError('state_conflict', `this Idempotency-Key has made key ${String(id)} already, and its text was told once: revoke that one and make another`, { extra: { id } });
      const { key, document } = made;
      return json({ ...keyAnswer(document), key }, { status: 201, headers: { location: `/v1/keys/${document._id}`, 'cache-control': 'no-store' } });
    },
  });

export const revokeKey = ({ database, authenticator }: Gateway) =>
  defineRoute({
    method: 'DELETE', path: '/v1/keys/:id', scope: 'admin', tag: 'keys', summary: 'Revoke a key and end its sessions; other copies of the gateway follow within 5 s',
    params: z.strictObject({ id: z.string().min(1).max(100) }),
    answers: { 204: { description: 'Revoked.' } },
    audit: { action: 'key.revoke', target: ({ params }) => params['id'] ?? '' },
    handle: async ({ params: { id }, principal }) => {
      if (id === principal.id) throw new ProblemError('state_conflict', 'a key cannot revoke itself: somebody has to be left to make a new one');
      if (!(await endKey({ database, id, by: principal.name }))) throw new ProblemError('not_found', `there is no living key ${JSON.stringify(id)}`);
      authenticator.forget();
      return nothing();
    },
  });
