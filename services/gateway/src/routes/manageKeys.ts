import { scopes } from '@gleaner/contracts';
import { createKey as makeKey, listKeys as readKeys, revokeKey as endKey, type KeyDocument } from '@gleaner/database';
import { z } from 'zod';
import { keysAnswer, newKeyAnswer } from '../answers.ts';
import { ProblemError } from '../core/problem.ts';
import { when } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { json, nothing } from '../http/answer.ts';
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
    answers: { 201: { description: 'The key.', schema: newKeyAnswer } },
    audit: { action: 'key.create', target: ({ body }) => (typeof body === 'object' && body !== null && 'name' in body ? String(body.name).slice(0, 100) : '') },
    handle: async ({ body, principal }) => {
      if (body.expiresAt && body.expiresAt <= database.clock.now()) throw new ProblemError('bad_request', 'expiresAt: expected a moment in the future', { faults: [{ path: 'expiresAt', code: 'in_the_past', message: 'expected a moment in the future' }] });
      const { key, document } = await makeKey({ database, name: body.name, scopes: [...new Set(body.scopes)], by: principal.name, expiresAt: body.expiresAt });
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
