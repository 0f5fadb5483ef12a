import { expect, it } from '@jest/globals';
import type { Database, KeyDocument } from '@gleaner/database';
import { createAuthenticator } from './authenticator.ts';

it('does not remember a key that was revoked while it was looked up', async () => {
  const living: KeyDocument = { _id: 'k', name: 'k', hash: 'h', scopes: ['read'], createdAt: new Date(0), createdBy: 'test' };
  const answers: ((key: KeyDocument) => void)[] = [];
  const findOne = () => new Promise<KeyDocument>((resolve) => { answers.push(resolve); });
  const authenticator = createAuthenticator({ database: { collections: { keys: { findOne } }, clock: { now: () => new Date(0) } } as unknown as Database });
  const ask = () => authenticator.identify({ authorization: 'Bearer x', sessionToken: undefined, sameOrigin: undefined, changes: false });
  const first = ask();
  authenticator.forget();
  answers[0]?.(living);
  await first;
  const second = ask();
  expect(answers).toHaveLength(2);
  answers[1]?.({ ...living, revokedAt: new Date(0) });
  await expect(second).rejects.toMatchObject({ code: 'unauthenticated' });
});
