import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ItemsAnswer } from '@gleaner/contracts';
import { summarize, times } from '../core/statistics.ts';
import type { BenchRow } from '../parts/bench.ts';
import { readPage } from '../parts/loadPages.ts';
import { withGleaner } from '../parts/withGleaner.ts';

const jobs = 5;
const every = 1_000;

/** From a fire's planned moment to the first answer of the gateway that holds what that fire's run found. */
export const fireToReadable: BenchRow = {
  name: 'fire-to-readable',
  title: 'fire → item readable at the gateway',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async ({ database, upstream, putJob, gatewayUrl, authorization }) => {
      const samples = bench.pick(400, 20);
      const asked = Array.from({ length: jobs }, () => 0);
      // Each answer counts on, so a page tells which request it shows.
      for (let job = 0; job < jobs; job += 1) upstream.serve(`/count-${job}`, () => ({ body: JSON.stringify([{ id: 'count', n: (asked[job] = (asked[job] ?? 0) + 1) }]) }));
      const begin = Math.ceil(database.clock.now().getTime() / 1_000) * 1_000 + 5_000;
      await Promise.all(asked.map((_, job) => putJob(`fire-${job}`, { schedule: { every, start: new Date(begin + (job * every) / jobs).toISOString() }, source: { http: { url: `${upstream.url}/count-${job}` } }, format: 'json', items: '$', key: 'id' })));
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const readable: number[] = [];
      let behind = 0;
      try {
        // The first seconds are a warm-up: connections, code, caches.
        const warmUp = jobs * bench.pick(6, 2);
        for (let turn = 0; turn < warmUp + samples; turn += 1) {
          const job = turn % jobs;
          const planned = begin + (turn * every) / jobs;
          const now = (): number => database.clock.now().getTime();
          if (now() > planned) {
            behind += 1; // the one before took longer than the time between two fires: this one's moment was missed
            continue;
          }
          await sleep(planned - now());
          const url = `${gatewayUrl()}/v1/jobs/fire-${job}/items?limit=1`;
          const known = Math.floor(turn / jobs);
          for (;;) {
            const page = await readPage({ url, agent, headers: { authorization } });
            const shown = Number(((JSON.parse(page.body().toString()) as ItemsAnswer).items[0]?.data as { n?: number } | undefined)?.n ?? 0);
            if (shown > known) break;
            if (now() - planned > 5_000) throw new Error(`fire ${turn} of job fire-${job} is not readable after 5 s (shown ${shown}, asked ${asked[job]})`);
            await sleep(1);
          }
          if (turn >= warmUp) readable.push(database.clock.now().getTime() - planned);
        }
      } finally {
        agent.destroy();
      }
      const { p50, p99 } = summarize(readable);
      return [{ what: 'fire → item readable at the gateway (small answer)', wanted: 'p50 ≤ 30 ms, p99 ≤ 100 ms', measured: times(readable), beside: '', reached: p50 <= 30 && p99 <= 100, note: `${readable.length} fires of ${jobs} jobs, five a second, the gateway asked again 1 ms after each answer${behind > 0 ? `; ${behind} fires could not be watched because the one before took over 200 ms` : ''}.` }];
    }),
};
