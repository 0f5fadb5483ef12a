import { describe, expect, it } from '@jest/globals';
import { claimCommand, findJob, insertLetter, newRun, type JobDocument, type LetterDocument, type RunDocument } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { withGateway, type TestGateway } from '../testing/withGateway.ts';
import { json } from './answer.ts';
import { createIdempotency } from './idempotency.ts';
import type { RawRequest } from './route.ts';

const log = createLogger({ service: 'gateway-test', level: 'silent' });
const keyed = (key: string) => ({ 'idempotency-key': key });

async function insertFailedRun({ call, database }: TestGateway, id = 'j@1'): Promise<RunDocument> {
  await call('PUT', '/v1/jobs/j', { body: { source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' } });
  const job = (await findJob({ database, id: 'j' })) as JobDocument;
  const now = database.clock.now();
  const run: RunDocument = { ...newRun({ id, job, trigger: 'manual', scheduledAt: now, now, maxAttempts: 1 }), state: 'failed', attempts: 1, endedAt: now };
  await database.collections.runs.insertOne(run);
  return run;
}

const letter = (id: string): LetterDocument => ({
  _id: id, queue: 'store', class: 'unreadable', reason: 'x', attempts: 1, firstAt: new Date(0), deadAt: new Date(0), replays: 0, state: 'parked', headers: {}, payload: '{}',
});

describe('a command with an Idempotency-Key', () => {
  it('is carried out once, and asked again gives the first answer; what failed is not kept', async () => {
    await withGateway(async (gateway) => {
      const { call, database } = gateway;
      await insertFailedRun(gateway);
      const ask = async (key: string) => await call('POST', '/v1/runs/j@1/retry', { headers: keyed(key) });
      const answers = await Promise.all(Array.from({ length: 6 }, async () => await ask('a')));
      expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [202, answers[0]?.text]));
      expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(5);
      expect(answers[5]?.headers.get('location')).toBe('/v1/runs/j@1');
      expect(await database.collections.audit.countDocuments({ action: 'run.retry' })).toBe(1);
      expect((await ask('b')).json()).toMatchObject({ code: 'state_conflict', state: 'due' });
      await database.collections.runs.updateOne({ _id: 'j@1' }, { $set: { state: 'failed' } });
      expect((await ask('b')).status).toBe(202);
      expect((await ask('with space')).json().code).toBe('bad_header');
    });
  });

  it('moves the letters that were meant the first time, and makes one key, whose text is kept nowhere', async () => {
    await withGateway(async ({ call, database }) => {
      const { deadLetters } = database.collections;
      const ask = async (key: string, body: unknown = { filter: {} }) => await call('POST', '/v1/dead-letters/replay', { body, headers: keyed(key) });
      await insertLetter({ database, letter: letter('first') });
      const first = await ask('a');
      expect([first.status, first.json()['marked']]).toEqual([202, 1]);
      await insertLetter({ database, letter: letter('second') });
      expect((await ask('a')).text).toBe(first.text);
      expect(await deadLetters.countDocuments({ replay: { $exists: true } })).toBe(1);
      expect((await ask('a', { filter: { job: 'other' } })).json()).toMatchObject({ status: 422, code: 'idempotency_conflict' });
      expect((await call('POST', '/v1/dead-letters/discard', { body: { filter: {} }, headers: keyed('a') })).json()['ids']).toEqual(['second']);

      const make = async () => await call('POST', '/v1/keys', { body: { name: 'reader', scopes: ['read'] }, headers: keyed('a') });
      const made = await make();
      expect(made.status).toBe(201);
      expect((await make()).json()).toMatchObject({ status: 409, code: 'state_conflict', id: made.json()['id'] });
      expect(await database.collections.keys.countDocuments({ name: 'reader' })).toBe(1);
      expect(await database.collections.idempotency.countDocuments()).toBe(2); // the replay and the discard
    });
  });

  it('whose copy died before it could keep the answer is carried out on what it chose the first time', async () => {
    await withGateway(async (gateway) => {
      const { call, database } = gateway;
      const { deadLetters, idempotency, runs } = database.collections;
      const run = await insertFailedRun(gateway);
      await call('PUT', '/v1/jobs/hourly', { body: { schedule: { every: '1h' }, source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' } });
      const ask = {
        replay: async () => await call('POST', '/v1/dead-letters/replay', { body: { filter: {} }, headers: keyed('a') }),
        discard: async () => await call('POST', '/v1/dead-letters/discard', { body: { filter: { queue: 'store' } }, headers: keyed('a') }),
        backfill: async () => await call('POST', '/v1/jobs/hourly/backfill', { body: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' }, headers: keyed('a') }),
        retry: async () => await call('POST', `/v1/runs/${run._id}/retry`, { headers: keyed('a') }),
      };
      await insertLetter({ database, letter: letter('first') });
      const replayed = await ask.replay();
      await insertLetter({ database, letter: letter('second') });
      const discarded = await ask.discard();
      expect([replayed, discarded].map((answer) => answer.json()['ids'])).toEqual([['first'], ['second']]);
      const made = await ask.backfill();
      expect((await ask.retry()).status).toBe(202);
      await idempotency.updateMany({}, { $unset: { answer: 1 }, $set: { claimedUntil: new Date(0) } });

      // Since then another letter has died, and the runs have failed.
      await insertLetter({ database, letter: letter('third') });
      await runs.updateMany({}, { $set: { state: 'failed' }, $inc: { attempts: 1 } });
      expect([(await ask.replay()).json(), (await ask.discard()).json()]).toMatchObject([{ ids: ['first'], marked: 0 }, { ids: ['second'], marked: 0 }]);
      expect(await deadLetters.findOne({ _id: 'third' })).not.toHaveProperty('replay');
      expect((await ask.backfill()).json()).toEqual(made.json());
      expect(await runs.countDocuments({ job: 'hourly' })).toBe(2);
      expect((await ask.retry()).json()).toMatchObject({ code: 'state_conflict', state: 'failed' });
    });
  });

  it('whose copy died in the middle is taken over; one that is under way is waited for, then told', async () => {
    await withGateway(async ({ database }) => {
      const request = { header: () => 'a', principal: { id: 'k' }, query: {}, body: {} } as unknown as RawRequest;
      const idempotency = createIdempotency({ database, log, patienceMs: 120 });
      let done = 0;
      const ask = async () => await idempotency.once({ request, command: 'POST /x', change: async () => json({ done: (done += 1) }) });
      const first = await claimCommand({ database, by: 'k', command: 'POST /x', key: 'a', asked: 'else' });
      expect(first.kind).toBe('ours');
      await expect(ask()).rejects.toMatchObject({ code: 'idempotency_conflict' });
      await database.collections.idempotency.deleteMany({});
      let release: () => void = () => undefined;
      const hung = idempotency.once({ request, command: 'POST /x', change: () => new Promise((resolve) => { release = () => resolve(json({ done: 0 })); }) });
      await expect(ask()).rejects.toMatchObject({ code: 'command_under_way' });
      await database.collections.idempotency.updateMany({}, { $set: { claimedUntil: new Date(0) } });
      expect(String((await ask()).body)).toBe('{"done":1}');
      release();
      await hung; // what it would keep is not its own any more
      expect(String((await ask()).body)).toBe('{"done":1}');
    });
  });
});
