import { describe, expect, it } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { withMongo } from '../../../test/support/withMongo.ts';
import { readAhead } from './readAhead.ts';

describe('reading ahead', () => {
  it('gives every document once, in order and by the batch, and closes the cursor where the loop is left', async () => {
    await withMongo(async ({ url }) => {
      const client = await new MongoClient(url).connect();
      try {
        const numbers = client.db().collection<{ _id: number }>('numbers');
        await numbers.insertMany(Array.from({ length: 25 }, (_, _id) => ({ _id })));
        const batches: number[][] = [];
        for await (const batch of readAhead(numbers.find({}, { sort: { _id: 1 }, batchSize: 10 }))) batches.push(batch.map(({ _id }) => _id));
        expect(batches.map(({ length }) => length)).toEqual([10, 10, 5]);
        expect(batches.flat()).toEqual(Array.from({ length: 25 }, (_, index) => index));
        for await (const batch of readAhead(numbers.find({ _id: -1 }))) throw new Error(`expected no batch; saw ${batch.length} documents`);

        const left = numbers.find({}, { batchSize: 10 });
        for await (const batch of readAhead(left)) {
          expect(batch).toHaveLength(10);
          break;
        }
        expect(left.killed).toBe(true);
        await expect(readAhead(numbers.find({ $nonsense: 1 })).next()).rejects.toThrow('$nonsense');
      } finally {
        await client.close();
      }
    });
  });
});
