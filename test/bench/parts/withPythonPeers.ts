import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectDatabase } from '@gleaner/database';
import type { Database } from '@gleaner/database';
import { callManagement } from '../../support/brokerManagement.ts';
import type { Bench } from './bench.ts';
import { peersFolder, providePython } from './provideTools.ts';
import { endChild, keepLastWords, startLinePeer } from './startLinePeer.ts';
import type { LinePeer } from './startLinePeer.ts';
import type { Upstream } from './startUpstream.ts';
import { spawnPeer } from './spawnPeer.ts';

/** A gather as people write it in Python; ms from the request's arrival at the upstream to the answer that all is stored. */
export interface PythonPeers {
  /** requests + pymongo or mongoengine in one process, asked directly. */
  readonly gather: (order: { readonly how: 'pymongo' | 'mongoengine'; readonly path: string; readonly collection: string; readonly format?: string }) => Promise<number>;
  /** Indexes of the copies, which readers of them would make. */
  readonly indexCopies: (collection: string) => Promise<void>;
  /** Reads so many items of the newest copy, or of the one that was the newest at `at`, and makes JSON of them; ms in the peer itself. */
  readonly read: (order: { readonly how: 'pymongo' | 'mongoengine'; readonly collection: string; readonly limit: number; readonly at?: string }) => Promise<number>;
  /** The same with pymongo as a Celery task, through the same RabbitMQ; also ms from asking for it. */
  readonly celeryGather: (order: { readonly path: string; readonly collection: string; readonly format?: string }) => Promise<{ readonly gatherMs: number; readonly askedMs: number }>;
  /** So many of these at once; ms from asking for the first until the last one's result has come back. */
  readonly celeryBurst: (order: { readonly path: string; readonly collection: string; readonly burst: number }) => Promise<number>;
  readonly celeryWorkerPid: number;
  readonly database: Database;
}

/** Runs `fn` with the peers on a database and a vhost of their own: by default one worker of Celery that does one task at a time. */
export async function withPythonPeers<T>({ bench, upstream, workers = 1, atOnce = 1 }: {
  readonly bench: Bench;
  readonly upstream: Upstream;
  readonly workers?: number;
  /** Tasks at once in each worker, in threads. */
  readonly atOnce?: number;
}, fn: (peers: PythonPeers) => Promise<T>): Promise<T> {
  const { servers } = bench;
  const python = await providePython(bench.log);
  const name = `bench_peer_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  await callManagement(servers.management, 'PUT', `/api/vhosts/${name}`, {});
  await callManagement(servers.management, 'PUT', `/api/permissions/${name}/guest`, { configure: '.*', write: '.*', read: '.*' });
  const mongoUrl = new URL(servers.mongo);
  mongoUrl.pathname = `/${name}`;
  const env = { BENCH_MONGO_URL: mongoUrl.href, BENCH_AMQP_URL: `${servers.amqp.replace(/\/$/, '')}/${name}`, PYTHONDONTWRITEBYTECODE: '1' };
  const database = await connectDatabase({ url: servers.mongo, databaseName: name, appName: 'bench' });
  const ends: (() => Promise<void>)[] = [];
  const line = async (script: string): Promise<LinePeer> => {
    const peer = await startLinePeer({ command: python, args: [script], env, directory: peersFolder });
    ends.push(peer.end);
    return peer;
  };
  const measure = async (peer: LinePeer, { path, ...order }: { readonly path: string; readonly [field: string]: unknown }): Promise<{ gatherMs: number; askedMs: number }> => {
    const arrival = upstream.nextArrival(path);
    const asked = performance.now();
    await peer.ask({ ...order, url: `${upstream.url}${path}`, run: randomUUID() });
    const at = performance.now();
    return { gatherMs: at - (await arrival), askedMs: at - asked };
  };
  try {
    const direct = await line('gather_peer.py');
    const pool = atOnce === 1 ? ['--pool=solo'] : ['--pool=threads', `--concurrency=${atOnce}`, '--prefetch-multiplier=1'];
    const started = Array.from({ length: workers }, (_, place) => {
      const worker = spawnPeer(python, ['-m', 'celery', '-A', 'celery_peer', 'worker', ...pool, `--hostname=worker${place}@%h`, '--without-gossip', '--without-mingle', '--loglevel=WARNING'], { cwd: peersFolder, env: { ...process.env, ...env }, stdio: ['pipe', 'ignore', 'pipe'] });
      ends.push(() => endChild(worker));
      return { worker, words: keepLastWords(worker) };
    });
    const caller = await line('celery_peer.py');
    await workerListens(servers.management, name, () => started.map(({ words }) => words()).join('\n'), workers);
    return await fn({
      database,
      celeryWorkerPid: started[0]?.worker.pid ?? 0,
      gather: async (order) => (await measure(direct, order)).gatherMs,
      indexCopies: async (collection) => void (await direct.ask({ how: 'index', collection })),
      read: async ({ limit, ...order }) => {
        const { ms, items } = await direct.ask({ ...order, read: limit });
        if (items !== limit) throw new Error(`expected ${limit} items of a copy; saw ${String(items)}`);
        return Number(ms);
      },
      celeryBurst: async ({ path, ...order }) => {
        const asked = performance.now();
        await caller.ask({ ...order, how: 'pymongo', url: `${upstream.url}${path}`, run: randomUUID() });
        return performance.now() - asked;
      },
      celeryGather: async (order) => await measure(caller, { ...order, how: 'pymongo' }),
    });
  } finally {
    await Promise.all(ends.map((end) => end()));
    await database.db.dropDatabase();
    await database.close();
    await callManagement(servers.management, 'DELETE', `/api/vhosts/${name}`);
  }
}

/** Until Celery's workers, all of them, consume their queue. */
export async function workerListens(management: string, vhost: string, words: () => string, workers = 1): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const queues = (await callManagement(management, 'GET', `/api/queues/${vhost}?disable_stats=true&enable_queue_totals=true`)) as { name: string; consumers?: number }[];
    const consumers = (await callManagement(management, 'GET', `/api/consumers/${vhost}`)) as { queue: { name: string } }[];
    if (queues.some(({ name }) => name === 'celery') && consumers.filter(({ queue }) => queue.name === 'celery').length >= workers) return;
    if (performance.now() > deadline) throw new Error(`no Celery worker within 60 s: ${words()}`);
    await sleep(200);
  }
}
