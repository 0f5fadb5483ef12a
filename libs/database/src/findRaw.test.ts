import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { withMongo } from '../../../test/support/withMongo.ts';
import { connectDatabase } from './connectDatabase.ts';
import { findRaw } from './findRaw.ts';
import { atOneTime } from './history/atOneTime.ts';
import { BSON } from './index.ts';

describe('findRaw', () => {
  it('gives the documents of one answer as bytes, and says where it was cut', async () => {
    await withMongo(async ({ url }) => {
      const database = await connectDatabase({ url, appName: 'test' });
      const { db } = database;
      try {
        const large = db.collection<{ _id: number; text: string }>('large');
        await large.insertMany(Array.from({ length: 30 }, (_, index) => ({ _id: index, text: 'x'.repeat(1_000_000) })));
        const idsOf = ({ documents }: Awaited<ReturnType<typeof findRaw>>): unknown[] => documents.map(({ bson, at }) => BSON.deserialize(bson.subarray(at, at + bson.readInt32LE(at)))['_id']);
        const few = await findRaw({ db, collection: 'large', filter: { _id: { $gte: 3 } }, sort: { _id: 1 }, limit: 2 });
        expect([idsOf(few), few.cut]).toEqual([[3, 4], false]);
        const none = await findRaw({ db, collection: 'nothing', filter: {}, sort: { _id: 1 }, limit: 2 });
        expect(none).toEqual({ documents: [], cut: false });
        const all = await findRaw({ db, collection: 'large', filter: {}, sort: { _id: -1 }, limit: 30 });
        expect(all.cut).toBe(true);
        expect(idsOf(all)).toEqual(Array.from({ length: all.documents.length }, (_, index) => 29 - index));
        expect(all.documents.length).toBeGreaterThan(10);
        // The cursor that was cut is ended, not left to its time-out.
        await until(async () => (await database.client.db('admin').aggregate([{ $currentOp: { idleCursors: true } }, { $match: { type: 'idleCursor', ns: `${db.databaseName}.large` } }]).toArray()).length === 0);
      } finally {
        await database.close();
      }
    });
  });

  it('reads at the time of its session, whatever is written meanwhile', async () => {
    await withMongo(async ({ url }) => {
      const database = await connectDatabase({ url, appName: 'test' });
      const { db } = database;
      try {
        const some = db.collection<{ _id: number; n: number }>('some');
        await some.insertOne({ _id: 1, n: 1 });
        await atOneTime({ database }, async (session) => {
          await some.findOne({ _id: 1 }, { session });
          await some.updateOne({ _id: 1 }, { $set: { n: 2 } });
          const { documents: [span] } = await findRaw({ db, collection: 'some', filter: {}, sort: { _id: 1 }, limit: 1, session });
          expect(span && BSON.deserialize(span.bson.subarray(span.at, span.at + span.bson.readInt32LE(span.at)))).toEqual({ _id: 1, n: 1 });
        });
      } finally {
        await database.close();
      }
    });
  });
});
