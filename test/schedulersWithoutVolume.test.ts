import { topology, unendedStates } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { startService, type ServiceProcess } from './support/serviceProcess.ts';
import { until } from './support/until.ts';
import { withPrivateBroker } from './support/withPrivateBroker.ts';
import { withScheduler } from './support/withScheduler.ts';
import { withServer } from './support/withServer.ts';

describe('the broker’s volume', () => {
  it('lost in the middle of queued and running runs: whoever needs the topology declares it again, every fire has one row, every run ends', () => withPrivateBroker((server) => {
    let patience = 1_500;
    return withServer((_request, response) => {
      setTimeout(() => { response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]'); }, patience);
    }, ({ url: upstream }) => withScheduler(async ({ database, mongoUrl, amqpUrl, start, put, runsOf }) => {
      const services: ServiceProcess[] = [];
      const env = { AMQP_URL: amqpUrl, MONGO_URL: mongoUrl, ALLOW_NETWORKS: '127.0.0.0/8', COLLECTOR_CONCURRENCY: '1' };
      const runs = database.collections.runs;
      const jobs = ['one', 'two'];
      try {
        services.push(await startService({ name: 'storage', env }), await startService({ name: 'collector', env }));
        for (const id of jobs) await put(id, { schedule: { every: '1s', overlap: 'allow', misfire: 'all' }, source: { http: { url: `${upstream}/${id}` } } });
        // A tick that is gone is sent again after 3 s, an attempt that is gone is given up after 4 s and a probe: minutes by default.
        const times = { republishMs: 3_000, lostAfterMs: 4_000, lateAfterMs: 60_000 };
        await start({ times });
        await start({ times, wait: false });

        // More fires than the one collector can do: ticks lie in the queue, and one of them is under way.
        await until(async () => (await runs.countDocuments({ state: 'queued', publishedAt: { $exists: true } })) >= 5 && (await runs.countDocuments({ state: 'running' })) >= 1, { timeout: 30_000, what: 'queued and running runs' });
        await server.kill();
        const underWay = await runs.find({ state: { $in: ['queued', 'running'] } }, { projection: { state: 1 } }).toArray();
        expect(new Set(underWay.map(({ state }) => state))).toEqual(new Set(['queued', 'running']));
        server.wipe();
        patience = 1;
        await server.start();

        const lostOf = async () => await runs.countDocuments({ _id: { $in: underWay.map(({ _id }) => _id) }, state: { $nin: ['succeeded', 'unchanged'] } });
        await until(async () => (await lostOf()) === 0, { timeout: 60_000, interval: 200, what: 'the runs whose messages were lost having ended', see: () => runs.find({ state: { $in: [...unendedStates] } }).limit(5).toArray() });
        for (const name of topology.queues.map((queue) => queue.name)) expect(Object.keys(await server.management.queueCounts())).toContain(name);
        // And it goes on: what fires now runs as ever.
        const since = database.clock.now();
        await until(async () => (await runs.countDocuments({ scheduledAt: { $gt: since }, state: { $in: ['succeeded', 'unchanged'] } })) >= 4, { timeout: 30_000, what: 'new fires that run' });
        for (const id of jobs) {
          const rows = (await runsOf(id)).filter(({ scheduledAt }) => scheduledAt <= since);
          expect(rows.map(({ scheduledAt }) => scheduledAt.getTime())).toEqual(rows.map((_, index) => (rows[0]?.scheduledAt.getTime() ?? 0) + index * 1_000));
          expect(rows.every(({ count }) => count === undefined)).toBe(true);
        }
        await until(async () => (await runs.countDocuments({ scheduledAt: { $lte: since }, state: { $nin: ['succeeded', 'unchanged'] } })) === 0, { timeout: 30_000, what: 'every run having ended', see: () => runs.find({ state: { $nin: ['succeeded', 'unchanged'] } }).limit(5).toArray() });
      } catch (error) {
        process.stderr.write(services.map(({ name, lines }) => `--- ${name}\n${lines.filter((line) => /"level":("?(warn|error|fatal)"?|[456]0)/.test(line)).slice(-15).join('\n')}\n`).join(''));
        throw error;
      } finally {
        await Promise.all(services.map((service) => service.end()));
      }
    }, { collect: false, broker: server }));
  }), 240_000);
});
