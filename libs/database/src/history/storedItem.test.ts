import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BSON } from 'mongodb';
import { readRawEntry } from './storedItem.ts';

const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed());
const id = fc.record({ e: text, k: text, f: text });
const bytesOf = (document: object): Buffer => Buffer.from(BSON.serialize(document));

it('reads a log entry from its bytes as the driver would', () => fc.assert(fc.property(id, text, fc.option(text), fc.dictionary(text.filter((name) => !name.includes('\0')), fc.jsonValue()), fc.boolean(), (_id, hash, since, data, removed) => {
  const { key, from, item } = readRawEntry(bytesOf(removed ? { _id, removed: true } : { _id, hash, data, ...(since === null ? {} : { since }) }));
  expect({ key, from }).toEqual({ key: _id.k, from: _id.f });
  if (removed) expect(item).toBeUndefined();
  else expect({ hash: item?.hash, since: item?.since, data: item?.data }).toEqual({ hash, since: since ?? _id.f, data: BSON.deserialize(BSON.serialize(data)) });
}), { numRuns: 300 }));

it('reads an entry of another shape all the same', () => {
  expect(readRawEntry(bytesOf({ _id: { e: 'e', k: 'k', f: 'f' }, extra: 7, hash: 'h', data: 'text' }))).toEqual({ key: 'k', from: 'f', item: { key: 'k', hash: 'h', since: 'f', data: 'text' } });
});
