import { connectDatabase, type Database } from '@gleaner/database';
import type { RunAnswer } from '@gleaner/contracts';
import type { BrokerManagement } from './brokerManagement.ts';
import { startService, type ServiceName, type ServiceProcess } from './serviceProcess.ts';
import { until } from './until.ts';
import { withBroker } from './withBroker.ts';
import { withReadyMongo } from './withReadyMongo.ts';

const adminKey = 'test-admin-key-0123456789';

export interface Answer<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A whole Gleaner: its four services as processes on a database and a vhost of their own. */
export interface Gleaner {
  readonly database: Database;
  readonly amqpUrl: string;
  readonly mongoUrl: string;
  readonly management: BrokerManagement;
  readonly services: ServiceProcess[];
  /** Calls the gateway as admin; a body that is an object goes as JSON. */
  api<T = Record<string, never>>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** Puts a job and fails with its faults where it is refused. */
  putJob(id: string, job: object): Promise<void>;
  start(name: ServiceName, env?: Record<string, string>): Promise<ServiceProcess>;
  find(name: ServiceName): ServiceProcess;
  /** kill -9, then gone. */
  kill(name: ServiceName): Promise<void>;
  /** Waits until the job's newest run (or the one named) is in one of the states. */
  runIn(run: string, states: readonly string[], timeout?: number): Promise<RunAnswer>;
  newestRun(job: string): Promise<RunAnswer | undefined>;
  /** Waits until nothing moves any more: every run ended and settled, work queues empty. */
  quiet(timeout?: number): Promise<void>;
}

/** Runs `fn` with a Gleaner of the services named (all four by default), and ends every process afterwards. */
export function withGleaner<T>(fn: (gleaner: Gleaner) => Promise<T>, { services = ['scheduler', 'collector', 'storage', 'gateway'], env = {} }: { services?: readonly ServiceName[]; env?: Record<string, string> } = {}): Promise<T> {
  return withReadyMongo(({ url: mongoUrl, databaseName }) => withBroker(async ({ url: amqpUrl, management }) => {
    const database = await connectDatabase({ url: mongoUrl, databaseName, appName: 'test' });
    const running: ServiceProcess[] = [];
    try {
      const start = async (name: ServiceName, extra: Record<string, string> = {}): Promise<ServiceProcess> => {
        const service = await startService({
          name, env: { AMQP_URL: amqpUrl, MONGO_URL: mongoUrl, GATEWAY_PORT: '0', ADMIN_KEY: adminKey, ALLOW_NETWORKS: '127.0.0.0/8', ...env, ...extra },
        });
        running.push(service);
        return service;
      };
      const find = (name: ServiceName): ServiceProcess => {
        const service = running.findLast((candidate) => candidate.name === name);
        if (!service) throw new Error(`no ${name} is running`);
        return service;
      };
      const api: Gleaner['api'] = async (method, path, body, headers = {}) => {
        const answer = await fetch(`${find('gateway').url}${path}`, {
          method, headers: { authorization: `Bearer ${adminKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        });
        const text = await answer.text();
        const isJson = /json/.test(answer.headers.get('content-type') ?? '') && !/ndjson/.test(answer.headers.get('content-type') ?? '');
        return { status: answer.status, headers: answer.headers, body: (isJson && text !== '' ? JSON.parse(text) : text) as never };
      };
      const runIn: Gleaner['runIn'] = (run, states, timeout = 20_000) =>
        until(async () => {
          const { body } = await api<RunAnswer>('GET', `/v1/runs/${encodeURIComponent(run)}`);
          return states.includes(body.state) ? body : false;
        }, { timeout, interval: 50, what: `run ${run} being ${states.join(' or ')}`, see: () => database.collections.runs.findOne({ _id: run }) });
      const newestRun: Gleaner['newestRun'] = async (job) => (await api<{ runs: RunAnswer[] }>('GET', `/v1/runs?job=${job}&limit=1`)).body.runs[0];
      await Promise.all(services.map((name) => start(name)));
      return await fn({
        database, amqpUrl, mongoUrl, management, services: running, api, start, find, runIn, newestRun,
        putJob: async (id, job) => {
          const { status, body } = await api('PUT', `/v1/jobs/${id}`, job);
          if (status !== 200 && status !== 201) throw new Error(`job ${id} was refused with ${status}: ${JSON.stringify(body)}`);
        },
        kill: async (name) => {
          const service = find(name);
          running.splice(running.indexOf(service), 1);
          await service.end('SIGKILL');
        },
        quiet: async (timeout = 20_000) => {
          await until(async () => {
            const open = await database.collections.runs.countDocuments({ $or: [{ state: { $in: ['queued', 'running', 'retrying'] } }, { unsettled: { $exists: true } }] });
            const counts = await management.queueCounts();
            return open === 0 && ['collect', 'store'].every((queue) => (counts[queue]?.ready ?? 0) + (counts[queue]?.unacked ?? 0) === 0);
          }, { timeout, interval: 100, what: 'nothing moving any more', see: async () => ({ queues: await management.queueCounts(), runs: await database.collections.runs.find({ state: { $nin: ['succeeded', 'unchanged'] } }).toArray() }) });
        },
      });
    } catch (error) {
      // What a person would look at next: the last warnings of each service.
      const said = running.map(({ name, lines }) => `--- ${name}\n${lines.filter((line) => /"level":("?(warn|error|fatal)"?|[456]0)/.test(line)).slice(-10).join('\n')}`).join('\n');
      process.stderr.write(`${said}\n`);
      throw error;
    } finally {
      await Promise.all(running.map((service) => service.end()));
      await database.close();
    }
  }));
}
