import { findKey, findKeyById, findSession, hashKey, type Database, type KeyDocument } from '@gleaner/database';
import { ProblemError } from '../core/problem.ts';
import type { Principal } from './principal.ts';

/** What of a request says who sent it. */
export interface Credentials {
  readonly authorization: string | undefined;
  readonly sessionToken: string | undefined;
  /** Whether a browser says that the request came from a page of ours; undefined where it is no browser. */
  readonly sameOrigin: boolean | undefined;
  readonly changes: boolean;
}

export interface Authenticator {
  /** The principal of a request; throws `unauthenticated`. */
  identify(credentials: Credentials): Promise<Principal>;
  /** Forgets what is remembered of a key, so that a revocation holds here at once. */
  forget(): void;
}

const rememberMs = 5_000;
const remembered = 1_000;

/**
 * Knows keys and sessions by their hashes. A key that was found is remembered for 5 s, so that a page costs no look-up:
 * a revocation holds at once in the copy that made it, within 5 s in the others.
 */
export function createAuthenticator({ database, monotonic = () => performance.now() }: { readonly database: Database; readonly monotonic?: () => number }): Authenticator {
  const known = new Map<string, { readonly principal: Principal; readonly until: number }>();
  /** Grows with each `forget`: what was looked up before it is not remembered after it. */
  let forgotten = 0;
  const remember = async (name: string, find: () => Promise<KeyDocument | null>): Promise<Principal | undefined> => {
    const standing = known.get(name);
    if (standing && standing.until > monotonic()) return standing.principal;
    known.delete(name);
    const asOf = forgotten;
    const key = await find();
    if (key === null) return undefined;
    if (known.size >= remembered) known.clear();
    const principal: Principal = { id: key._id, name: key.name, scopes: new Set(key.scopes) };
    if (asOf === forgotten) known.set(name, { principal, until: monotonic() + rememberMs });
    return principal;
  };
  return {
    identify: async ({ authorization, sessionToken, sameOrigin, changes }) => {
      if (authorization !== undefined) {
        const token = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
        if (token === undefined) throw unauthenticated('expected `Authorization: Bearer <key>`');
        const principal = await remember(`key:${hashKey(token)}`, async () => await findKey({ database, key: token }));
        if (!principal) throw unauthenticated('the key is not known, is revoked, or its time is over');
        return principal;
      }
      if (sessionToken !== undefined) {
        // A page of somebody else must not change anything with the cookie of a signed-in person.
        if (changes && sameOrigin === false) throw new ProblemError('forbidden', 'a change with a session cookie must come from this origin');
        const principal = await remember(`session:${hashKey(sessionToken)}`, async () => {
          const session = await findSession({ database, token: sessionToken });
          return session === null ? null : await findKeyById({ database, id: session.key });
        });
        if (principal) return principal;
        throw unauthenticated('the session is over; sign in again');
      }
      throw unauthenticated('expected `Authorization: Bearer <key>`');
    },
    forget: () => {
      forgotten += 1;
      known.clear();
    },
  };
}

const unauthenticated = (detail: string): ProblemError => new ProblemError('unauthenticated', detail, { headers: { 'www-authenticate': 'Bearer realm="gleaner"' } });
