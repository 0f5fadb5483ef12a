import { randomUUID } from 'node:crypto';
import type { RunAnswer } from '@gleaner/contracts';
import { connectDatabase, setupDatabase } from '@gleaner/database';
import type { Database } from '@gleaner/database';
import { callManagement } from '../../support/brokerManagement.ts';
import { startService } from '../../support/serviceProcess.ts';
import type { ServiceName, ServiceProcess } from '../../support/serviceProcess.ts';
import type { BenchServers } from './startServers.ts';
import { startUpstream } from './startUpstream.ts';
import type { Upstream } from './startUpstream.ts';
import { watchRuns } from './watchRuns.ts';
import type { EndedRun, RunWatch } from './watchRuns.ts';

const adminKey = 'bench-admin-key-0123456789';

/** A Gleaner as it runs in production, services as processes, on a database and a vhost of its own, with an upstream to gather from. */
export interface BenchGleaner {
  readonly database: Database;
  readonly amqpUrl: string;
  readonly upstream: Upstream;
  readonly services: readonly ServiceProcess[];
  readonly start: (name: ServiceName, env?: Readonly<Record<string, string>>) => Promise<ServiceProcess>;
  readonly end: (service: ServiceProcess) => Promise<void>;
  readonly gatewayUrl: () => string;
  readonly authorization: string;
  readonly putJob: (id: string, job: object) => Promise<void>;
  /** Asks for a run and gives its id. */
  readonly askRun: (job: string) => Promise<string>;
  /** Asks for a run of a job whose source is `path` and waits for its end. */
  readonly gather: (job: string, path: string) => Promise<Gathered>;
}

export interface Gathered extends EndedRun {
  /** From the request's arrival at the upstream to the event that tells of the commit that ends the run, ms. */
  readonly gatherMs: number;
  /** From asking the gateway for the run to that event, ms. */
  readonly askedMs: number;
}

/** Runs `fn` with the services named (all four by default); ends them and drops database and vhost afterwards. */
export async function withGleaner<T>({ servers, services = ['scheduler', 'collector', 'storage', 'gateway'], env = {} }: {
  readonly servers: BenchServers;
  readonly services?: readonly ServiceName[];
  readonly env?: Readonly<Record<string, string>>;
}, fn: (gleaner: BenchGleaner) => Promise<T>): Promise<T> {
  const name = `bench_${randomUUID().replaceAll('-', '').slice(0, 16)}`;
  await callManagement(servers.management, 'PUT', `/api/vhosts/${name}`, {});
  await callManagement(servers.management, 'PUT', `/api/permissions/${name}/guest`, { configure: '.*', write: '.*', read: '.*' });
  const database = await connectDatabase({ url: servers.mongo, databaseName: name, appName: 'bench' });
  const upstream = await startUpstream();
  const running: ServiceProcess[] = [];
  let runs: RunWatch | undefined;
  try {
    await setupDatabase({ database });
    const amqpUrl = `${servers.amqp.replace(/\/$/, '')}/${name}`;
    runs = await watchRuns(amqpUrl);
    const watch = runs;
    const mongoUrl = new URL(servers.mongo);
    mongoUrl.pathname = `/${name}`;
    const start: BenchGleaner['start'] = async (service, extra = {}) => {
      const started = await startService({
        name: service,
        env: { AMQP_URL: amqpUrl, MONGO_URL: mongoUrl.href, GATEWAY_PORT: '0', ADMIN_KEY: adminKey, ALLOW_NETWORKS: '127.0.0.0/8', LOG_LEVEL: 'warn', ORIGIN_CONCURRENCY: '10000', ...env, ...extra },
      });
      running.push(started);
      return started;
    };
    const gatewayUrl = (): string => {
      const gateway = running.find((service) => service.name === 'gateway');
      if (!gateway) throw new Error('expected a gateway; none is running');
      return gateway.url;
    };
    const authorization = `Bearer ${adminKey}`;
    const call = async (method: string, path: string, body?: object): Promise<unknown> => {
      const answer = await fetch(`${gatewayUrl()}${path}`, { method, headers: { authorization, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text.slice(0, 500)}`);
      return text === '' ? undefined : JSON.parse(text);
    };
    const askRun: BenchGleaner['askRun'] = async (job) => ((await call('POST', `/v1/jobs/${job}/runs`, {})) as RunAnswer).id;
    const gather: BenchGleaner['gather'] = async (job, path) => {
      const arrival = upstream.nextArrival(path);
      const asked = performance.now();
      const run = await askRun(job);
      const ended = await watch.ended(run).catch(async (cause: unknown) => {
        const document = await database.collections.runs.findOne({ _id: run });
        throw new Error(`the run is ${JSON.stringify(document)}; ${running.map((service) => `${service.name}: ${service.lines.slice(-5).join(' ⏎ ')}`).join('\n')}`, { cause });
      });
      if (ended.state !== 'succeeded' && ended.state !== 'unchanged') {
        throw new Error(`run ${ended.run} ended as ${ended.state}: ${JSON.stringify(await database.collections.runs.findOne({ _id: ended.run }))}`);
      }
      return { ...ended, gatherMs: ended.at - (await arrival), askedMs: ended.at - asked };
    };
    await Promise.all(services.map((service) => start(service)));
    return await fn({
      database, amqpUrl, upstream, services: running, start, gatewayUrl, authorization, askRun, gather,
      putJob: async (id, job) => void (await call('PUT', `/v1/jobs/${id}`, job)),
      end: async (service) => {
        running.splice(running.indexOf(service), 1);
        await service.end();
      },
    });
  } finally {
    await Promise.all(running.map((service) => service.end()));
    await runs?.close();
    await upstream.close();
    await database.db.dropDatabase();
    await database.close();
    await callManagement(servers.management, 'DELETE', `/api/vhosts/${name}`);
  }
}
