import { plain } from '../core/statistics.ts';
import { auctionData, gatherJob } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { processMemory } from '../parts/processMemory.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';

const path = '/big';

/** One answer of 40 MB: the collector's memory at its peak, beside a Celery worker's that gathers the same. */
export const bigJson: BenchRow = {
  name: 'big-json',
  title: 'a JSON answer of 40 MB',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async ({ upstream, services, putJob, gather }) => {
      const { items } = auctionData();
      const copies = bench.pick(6, 1);
      const body = JSON.stringify(Array.from({ length: copies }, (_, copy) => items.map((item) => ({ ...item, Id: item.Id + copy * 1_000_000 }))).flat());
      upstream.serve(path, { body });
      await putJob('big', gatherJob(`${upstream.url}${path}`));
      const collector = services.find(({ name }) => name === 'collector');
      const storage = services.find(({ name }) => name === 'storage');
      const before = processMemory(collector?.pid ?? 0).now;
      const { gatherMs } = await gather('big', path);
      const [peak, storagePeak] = [processMemory(collector?.pid ?? 0).peak, processMemory(storage?.pid ?? 0).peak];
      return await withPythonPeers({ bench, upstream }, async (peers) => {
        const celery = await peers.celeryGather({ path, collection: 'copies' });
        const celeryPeak = processMemory(peers.celeryWorkerPid).peak;
        return [{ what: `JSON answer of ${plain(body.length / 1e6)} MB, peak memory of the collector`, wanted: '≤ 400 MB', measured: `${plain(peak)} MiB (${plain(before)} before; storage ${plain(storagePeak)}); ${plain(gatherMs)} ms`, beside: `Celery worker: ${plain(celeryPeak)} MiB, ${plain(celery.gatherMs)} ms`, reached: peak * 1.048_576 <= 400, note: `${plain(items.length * copies)} items, every one kept with eight fields.` }];
      });
    }),
};
