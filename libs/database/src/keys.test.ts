import { describe, expect, it } from '@jest/globals';
import { withDatabase } from '../../../test/support/withDatabase.ts';
import { adminKeyId, createKey, ensureFirstKey, findKey, findKeyById, listKeys, revokeKey } from './keys.ts';
import { createSession, endSession, findSession } from './sessions.ts';
import { sharedSecret } from './sharedSecret.ts';

describe('keys', () => {
  it('are found by their text, which is stored nowhere', async () => {
    await withDatabase(async (database) => {
      const { key, document } = await createKey({ database, name: 'reader', scopes: ['read'], by: 'admin' });
      expect(await findKey({ database, key })).toMatchObject({ _id: document._id, name: 'reader', scopes: ['read'] });
      expect(await findKey({ database, key: `${key}x` })).toBeNull();
      expect(JSON.stringify(await database.collections.keys.find().toArray())).not.toContain(key.slice(4));
    });
  });

  it('end by revocation and by time, with their sessions', async () => {
    await withDatabase(async (database) => {
      const short = await createKey({ database, name: 'short', scopes: ['read'], by: 'admin', expiresAt: new Date(database.clock.now().getTime() - 1) });
      expect(await findKey({ database, key: short.key })).toBeNull();
      const { key, document } = await createKey({ database, name: 'gone', scopes: ['admin'], by: 'admin' });
      const token = await createSession({ database, key: document._id, lifetimeMs: 60_000 });
      expect(await findSession({ database, token })).toMatchObject({ key: document._id });
      expect(await revokeKey({ database, id: document._id, by: 'admin' })).toBe(true);
      expect(await revokeKey({ database, id: document._id, by: 'admin' })).toBe(false);
      expect(await findKey({ database, key })).toBeNull();
      expect(await findKeyById({ database, id: document._id })).toBeNull();
      expect(await findSession({ database, token })).toBeNull();
      expect((await listKeys({ database })).map(({ name }) => name)).toEqual(['gone', 'short']);
    });
  });

  it('have a first one, made once however many copies start', async () => {
    await withDatabase(async (database) => {
      const made = await Promise.all([1, 2, 3, 4].map(async () => await ensureFirstKey({ database })));
      const [key, ...more] = made.filter((text) => text !== undefined);
      expect(more).toEqual([]);
      expect(await findKey({ database, key: key ?? '' })).toMatchObject({ _id: adminKeyId, scopes: ['read', 'operate', 'write', 'admin'] });
      expect(await ensureFirstKey({ database })).toBeUndefined();
      expect(await ensureFirstKey({ database, given: 'chosen by a person, long enough' })).toBeUndefined();
      expect(await findKey({ database, key: 'chosen by a person, long enough' })).toMatchObject({ _id: adminKeyId });
      expect(await findKey({ database, key: key ?? '' })).toBeNull();
    });
  });
});

describe('sessions', () => {
  it('end when asked and when their time is over', async () => {
    await withDatabase(async (database) => {
      const token = await createSession({ database, key: 'k', lifetimeMs: 60_000 });
      await endSession({ database, token });
      expect(await findSession({ database, token })).toBeNull();
      expect(await findSession({ database, token: await createSession({ database, key: 'k', lifetimeMs: -1 }) })).toBeNull();
    });
  });
});

describe('sharedSecret', () => {
  it('is the same for all who ask at once, and another for another name', async () => {
    await withDatabase(async (database) => {
      const secrets = await Promise.all([1, 2, 3, 4, 5].map(async () => await sharedSecret({ database, name: 'cursors' })));
      expect(new Set(secrets).size).toBe(1);
      expect(await sharedSecret({ database, name: 'other' })).not.toBe(secrets[0]);
    });
  });
});
