import { createSession, endSession, findKey, type Database } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import type { Gateway } from '../gateway.ts';
import { nothing, seeOther } from '../http/answer.ts';
import { sessionCookie } from '../http/createApp.ts';
import { defineRoute } from '../http/route.ts';

const lifetimeMs = 30 * 86_400_000;
const cookieOf = ({ token, secure, maxAge }: { readonly token: string; readonly secure: boolean; readonly maxAge: number }): string =>
  `${sessionCookie}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${maxAge}${secure ? '; Secure' : ''}`;

/** A session of the key's; throws `unauthenticated` where there is no such key. */
async function signIn({ database, key, secure }: { readonly database: Database; readonly key: string; readonly secure: boolean }): Promise<string> {
  const found = await findKey({ database, key });
  if (found === null) throw new ProblemError('unauthenticated', 'the key is not known, is revoked, or its time is over');
  const token = await createSession({ database, key: found._id, lifetimeMs });
  return cookieOf({ token, secure, maxAge: lifetimeMs / 1_000 });
}

/** Where the printed login link leads: the key becomes a cookie and leaves the address bar. */
export const getRoot = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/', scope: 'open', tag: 'session', summary: 'For people: with `?key=` signs a browser in, then leads to the documentation',
    query: z.looseObject({ key: z.string().max(500).optional() }),
    answers: { 303: { description: 'To /docs.' } },
    handle: async ({ query: { key }, secure }) => {
      if (key === undefined) return seeOther('/docs');
      return seeOther('/', { 'set-cookie': await signIn({ database, key, secure }), 'cache-control': 'no-store' });
    },
  });

export const createSessionRoute = ({ database }: Gateway) =>
  defineRoute({
    method: 'POST', path: '/v1/session', scope: 'open', tag: 'session', summary: 'Sign a browser in with a key: sets an http-only, same-site cookie',
    body: z.strictObject({ key: z.string().min(1).max(500) }),
    answers: { 204: { description: 'Signed in.' } },
    handle: async ({ body: { key }, secure }) => ({ status: 204, headers: { 'set-cookie': await signIn({ database, key, secure }), 'cache-control': 'no-store' } }),
  });

export const endSessionRoute = ({ database, authenticator }: Gateway) =>
  defineRoute({
    method: 'DELETE', path: '/v1/session', scope: 'open', tag: 'session', summary: 'Sign out',
    answers: { 204: { description: 'Signed out.' } },
    handle: async ({ header, secure }) => {
      const token = new RegExp(`(?:^|;\\s*)${sessionCookie}=([\\w-]+)`).exec(header('cookie') ?? '')?.[1];
      if (token === undefined) return nothing();
      await endSession({ database, token });
      authenticator.forget();
      return { status: 204, headers: { 'set-cookie': cookieOf({ token: '', secure, maxAge: 0 }) } };
    },
  });
