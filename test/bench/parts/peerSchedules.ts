import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@gleaner/standalone';
import { callManagement } from '../../support/brokerManagement.ts';
import { readArrivals } from '../core/judgeArrivals.ts';
import type { Arrival, Plan } from '../core/judgeArrivals.ts';
import type { Bench } from './bench.ts';
import { processMemory } from './processMemory.ts';
import { peersFolder, provideBullmq, providePython, provideRedis } from './provideTools.ts';
import { endChild, firstOutput, keepLastWords } from './startLinePeer.ts';
import { workerListens } from './withPythonPeers.ts';
import { spawnPeer } from './spawnPeer.ts';

/** What a peer did with a plan. */
export interface PeerSchedule {
  readonly arrivals: readonly Arrival[];
  /** How long it took to hold all entries, ms. */
  readonly loadMs: number;
  /** Peak memory of what schedules, MiB. */
  readonly memory: number;
}

interface Order {
  readonly bench: Bench;
  /** Called once everything listens: `first` must leave time to load. */
  readonly plan: Plan;
  readonly until: number;
}

/** BullMQ job schedulers on redis-server without persistence: the worker makes each next job and takes it. */
export async function bullmqSchedule({ bench, plan, until }: Order): Promise<PeerSchedule> {
  return await withFolder(async (folder, ends) => {
    const [redis, bullmq, port] = [await provideRedis(bench.log), await provideBullmq(bench.log), await freePort()];
    const server = spawnPeer(redis, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: ['pipe', 'ignore', 'pipe'] });
    ends.push(() => endChild(server));
    await answers(port);
    const arrivals = join(folder, 'arrivals');
    const env = { ...process.env, ...planEnvironment(plan), REDIS_PORT: String(port), BENCH_ARRIVALS: arrivals };
    const worker = spawnPeer(process.execPath, ['worker.mjs'], { cwd: bullmq, env, stdio: ['pipe', 'pipe', 'pipe'] });
    ends.push(() => endChild(worker));
    await firstOutput(worker);
    const adder = spawnPeer(process.execPath, ['addSchedulers.mjs'], { cwd: bullmq, env, stdio: ['ignore', 'pipe', 'pipe'] });
    ends.push(() => endChild(adder));
    const { ms: loadMs } = JSON.parse(await firstOutput(adder)) as { ms: number };
    await sleep(Math.max(0, until - Date.now()));
    const memory = processMemory(worker.pid ?? 0).peak + processMemory(server.pid ?? 0).peak;
    await endChild(worker);
    return { arrivals: existsSync(arrivals) ? readArrivals(readFileSync(arrivals, 'utf8')) : [], loadMs, memory };
  });
}

/** Celery beat with its schedule in memory, and one worker, on the RabbitMQ that Gleaner uses. */
export async function celerySchedule({ bench, plan, until }: Order): Promise<PeerSchedule> {
  const { servers } = bench;
  const vhost = `bench_beat_${randomUUID().slice(0, 8)}`;
  await callManagement(servers.management, 'PUT', `/api/vhosts/${vhost}`, {});
  await callManagement(servers.management, 'PUT', `/api/permissions/${vhost}/guest`, { configure: '.*', write: '.*', read: '.*' });
  try {
    return await withFolder(async (folder, ends) => {
      const python = await providePython(bench.log);
      const arrivals = join(folder, 'arrivals');
      const env = { ...process.env, ...planEnvironment(plan), BENCH_AMQP_URL: `${servers.amqp.replace(/\/$/, '')}/${vhost}`, BENCH_MONGO_URL: servers.mongo, BENCH_ARRIVALS: arrivals, PYTHONDONTWRITEBYTECODE: '1' };
      const celery = (...args: string[]): ChildProcess => {
        const child = spawnPeer(python, ['-m', 'celery', ...args], { cwd: peersFolder, env, stdio: ['pipe', 'ignore', 'pipe'] });
        ends.push(() => endChild(child));
        return child;
      };
      const worker = celery('-A', 'celery_peer', 'worker', '--pool=solo', '--without-gossip', '--without-mingle', '--loglevel=ERROR');
      await workerListens(servers.management, vhost, keepLastWords(worker));
      const began = performance.now();
      const beat = celery('-A', 'beat_peer', 'beat', '--scheduler=beat_peer:PlannedScheduler', `--pidfile=`, '--loglevel=ERROR');
      const words = keepLastWords(beat);
      // Beat says nothing when it is ready: its first task is what shows it, where the plan has one soon.
      const ready = waitFor(() => existsSync(arrivals) && readFileSync(arrivals, 'utf8').length > 0, until - Date.now()).then((came) => (came ? performance.now() - began : Number.NaN));
      await sleep(Math.max(0, until - Date.now()));
      if (beat.exitCode !== null) throw new Error(`celery beat ended: ${words()}`);
      const memory = processMemory(beat.pid ?? 0).peak;
      const loadMs = await ready;
      await endChild(beat);
      await endChild(worker);
      return { arrivals: existsSync(arrivals) ? readArrivals(readFileSync(arrivals, 'utf8')) : [], loadMs, memory };
    });
  } finally {
    await callManagement(servers.management, 'DELETE', `/api/vhosts/${vhost}`);
  }
}

const planEnvironment = ({ entries, first, apart, every }: Plan): Record<string, string> => ({ BENCH_ENTRIES: String(entries), BENCH_FIRST: String(first), BENCH_APART: String(apart), BENCH_EVERY: String(every) });

async function withFolder<T>(fn: (folder: string, ends: (() => Promise<void>)[]) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'gleaner-bench-peer-'));
  const ends: (() => Promise<void>)[] = [];
  try {
    return await fn(folder, ends);
  } finally {
    for (const end of ends.reverse()) await end();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<void> {
  const came = await waitFor(async () => {
    const socket = createConnection({ host: '127.0.0.1', port });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false; // not listening yet
    } finally {
      socket.destroy();
    }
  }, 10_000);
  if (!came) throw new Error('redis-server did not answer within 10 s');
}

async function waitFor(condition: () => boolean | Promise<boolean>, timeout: number): Promise<boolean> {
  const deadline = performance.now() + timeout;
  while (performance.now() < deadline) {
    if (await condition()) return true;
    await sleep(50);
  }
  return false;
}
