import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJob, connectDatabase, putJob, setupDatabase, type JobDocument } from '@gleaner/database';
import { parseJob } from '@gleaner/contracts';
import { cacheDirectory, provideMongod } from '@gleaner/standalone';
import { seedSnapshot } from '../../../services/gateway/src/testing/seedSnapshot.ts';
import { startService } from '../../support/serviceProcess.ts';
import { median } from '../core/statistics.ts';
import { auctionData, gatherJob, keptOf } from '../parts/auctionData.ts';
import { loadPages } from '../parts/loadPages.ts';
import { startBareServer } from './startBareServer.ts';

// node latestPage.ts [rounds]: pages of the gateway alone (a mongod, the gateway's own process, nothing else) beside a bare http server with find().toArray() and JSON.stringify, in turns. Prints a JSON row for each kind of page.
const rounds = Number(process.argv[2] ?? 7);
const [limit, connections, durationMs] = [1_000, 4, 2_000];
const adminKey = 'a-key-for-the-bench';
const headers = { authorization: `Bearer ${adminKey}` };

/** CPU of a process so far, ms (Linux; ticks of 10 ms). A busy machine moves requests per second, this less. */
const cpuMsOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const directory = mkdtempSync(join(tmpdir(), 'gleaner-reading-bench-'));
const server = await provideMongod({ directory, cache: cacheDirectory(), log: () => undefined, cacheGiB: 1 });
const database = await connectDatabase({ url: server.url, databaseName: 'gleaner', appName: 'bench' });
try {
  await setupDatabase({ database });
  const parsed = parseJob('auctions', gatherJob('https://upstream.example/'));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  await putJob({ database, id: 'auctions', definition: parsed.definition, by: 'bench' });
  const job = (await findJob({ database, id: 'auctions' })) as JobDocument;
  const items = Object.fromEntries(auctionData().items.map((item) => [String(item.Id), keptOf(item)]));
  await seedSnapshot({ database, job, observedAt: new Date(Date.UTC(2026, 10, 20, 5)), items });
  await seedSnapshot({ database, job, observedAt: new Date(Date.UTC(2026, 10, 20, 6)), items: Object.fromEntries(Object.entries(items).map(([key, data]) => [key, { ...data, marketValue: 1 }])) });
  const since = new Date().toISOString();
  await database.db.collection('bare_items').insertMany(Object.entries(items).map(([key, data]) => ({ key, data, since })));
  await database.db.collection('bare_items').createIndex({ key: 1 });

  const gateway = await startService({ name: 'gateway', env: { MONGO_URL: server.url, AMQP_URL: 'amqp://127.0.0.1:9/none', GATEWAY_PORT: '0', ADMIN_KEY: adminKey, LOG_LEVEL: 'fatal' } });
  const bare = await startBareServer(`${server.url.replace(/\/[^/]*$/, '')}/gleaner`);
  try {
    const page = `${gateway.url}/v1/jobs/auctions/items?limit=${limit}`;
    const kinds: Record<string, { url: string; headers: Record<string, string> }> = {
      latest: { url: page, headers },
      'latest, three fields': { url: `${page}&fields=name,marketValue,quantity`, headers },
      'latest, ndjson': { url: page, headers: { ...headers, accept: 'application/x-ndjson' } },
      'latest, csv': { url: page, headers: { ...headers, accept: 'text/csv' } },
      past: { url: `${page}&at=2026-11-20T05:30:00Z`, headers },
    };
    const seen: Record<string, { perSecond: number[]; ratio: number[]; cpuRatio: number[]; cpuMs: number[]; ms: number[]; bytes: number }> = {};
    const load = async (pid: number, what: Parameters<typeof loadPages>[0]) => {
      const before = cpuMsOf(pid);
      const page = await loadPages(what);
      return { ...page, cpuMs: (cpuMsOf(pid) - before) / page.ms.length };
    };
    for (let round = 0; round <= rounds; round += 1) {
      for (const [kind, { url, headers: own }] of Object.entries(kinds)) {
        const theirs = await load(bare.pid, { url: `${bare.url}/?limit=${limit}`, connections, durationMs });
        const ours = await load(gateway.pid, { url, connections, durationMs, headers: own });
        if (round === 0) continue; // to warm up
        const row = (seen[kind] ??= { perSecond: [], ratio: [], cpuRatio: [], cpuMs: [], ms: [], bytes: 0 });
        row.perSecond.push(ours.perSecond);
        row.ratio.push(ours.perSecond / theirs.perSecond);
        row.cpuMs.push(ours.cpuMs);
        row.cpuRatio.push(theirs.cpuMs / ours.cpuMs);
        row.ms.push(...ours.ms);
        row.bytes = ours.bytes;
      }
    }
    const tenth = (value: number): number => Math.round(value * 10) / 10;
    for (const [kind, { perSecond, ratio, cpuRatio, cpuMs, ms, bytes }] of Object.entries(seen))
      process.stdout.write(`${JSON.stringify({ row: `page of ${limit} items, ${connections} at once`, kind, bytes, perSecond: tenth(median(perSecond)), p50: tenth(median(ms)), p99: tenth(ms.toSorted((a, b) => a - b)[Math.floor(ms.length * 0.99)] ?? 0), cpuMs: tenth(median(cpuMs)), bareCpuRatio: Math.round(median(cpuRatio) * 100) / 100, timesBare: Math.round(median(ratio) * 100) / 100, min: Math.round(Math.min(...ratio) * 100) / 100, max: Math.round(Math.max(...ratio) * 100) / 100 })}\n`);
  } finally {
    await gateway.end();
    await bare.end();
  }
} finally {
  await database.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}
