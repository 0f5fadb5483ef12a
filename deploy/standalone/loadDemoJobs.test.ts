import { describe, expect, it } from '@jest/globals';
import { deleteJob, putJob } from '@gleaner/database';
import type { Database } from '@gleaner/database';
import { withDatabase } from '../../test/support/withDatabase.ts';
import { loadDemoJobs } from './loadDemoJobs.ts';

const all = ['auctions', 'manifest', 'rates-cbr', 'rates-ecb', 'rates-privatbank', 'rates-usd'];

const asked = async (database: Database): Promise<string[]> =>
  (await database.collections.runs.find({ requestedBy: 'demo' }).toArray()).map(({ job }) => job).sort();

describe('loadDemoJobs', () => {
  it('puts every sample once, with a first run of each', async () => {
    await withDatabase(async (database) => {
      expect(await loadDemoJobs({ database, playback: 'http://127.0.0.1:4711' })).toEqual(all);
      expect(await asked(database)).toEqual(all);
      const urls = (await database.collections.jobs.find().toArray()).map(({ definition }) => ('http' in definition.source ? definition.source.http.url : ''));
      expect(urls).toHaveLength(all.length);
      expect(urls.filter((url) => !url.startsWith('http://127.0.0.1:4711/'))).toEqual([]);

      expect(await loadDemoJobs({ database, playback: 'http://127.0.0.1:4711/' })).toEqual([]);
      expect(await asked(database)).toEqual(all);
    });
  });

  it('follows its upstream to another port, but leaves what people changed or deleted', async () => {
    await withDatabase(async (database) => {
      await loadDemoJobs({ database, playback: 'http://127.0.0.1:4711' });
      const [auctions] = await database.collections.jobs.find({ _id: 'auctions' }).toArray();
      if (auctions === undefined) throw new Error('no auctions');
      await putJob({ database, id: 'auctions', definition: { ...auctions.definition, title: 'Mine' }, by: 'somebody' });
      await deleteJob({ database, id: 'manifest', by: 'somebody' });
      expect(await loadDemoJobs({ database, playback: 'http://127.0.0.1:4712' })).toEqual(all.filter((id) => id.startsWith('rates')));
      expect((await database.collections.jobs.findOne({ _id: 'auctions' }))?.definition.title).toBe('Mine');
      expect((await database.collections.jobs.findOne({ _id: 'manifest' }))?.deleted).toBe(true);
    });
  });
});
