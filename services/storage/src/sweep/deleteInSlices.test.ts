import { expect, it } from '@jest/globals';
import { withStorage } from '../testing/withStorage.ts';
import { deleteInSlices } from './deleteInSlices.ts';

it('takes away all that matches and nothing else, never more than a slice at a time', () => withStorage(async ({ database }) => {
  const collection = database.db.collection<{ _id: number; old: boolean }>('slices');
  await collection.insertMany(Array.from({ length: 12_500 }, (_, index) => ({ _id: index, old: index < 12_000 })));
  const slices: number[] = [];
  const counting = new Proxy(collection, { get: (target, name) => {
    const value: unknown = Reflect.get(target, name);
    if (name === 'deleteMany') return async (...args: Parameters<typeof collection.deleteMany>) => {
      const result = await target.deleteMany(...args);
      slices.push(result.deletedCount);
      return result;
    };
    return typeof value === 'function' ? value.bind(target) : value;
  } });
  expect(await deleteInSlices(counting, { old: true })).toBe(12_000);
  expect(slices).toEqual([5_000, 5_000, 2_000]);
  expect(await collection.countDocuments()).toBe(500);
  expect(await deleteInSlices(collection, { old: true })).toBe(0);
}));
