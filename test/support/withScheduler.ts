import { randomUUID } from 'node:crypto';
import { exchanges, jobDefinitionSchema, topology, wakeKeys, type EventMessage, type JobInput, type Tick, type WakeMessage } from '@gleaner/contracts';
import { connectBroker, done, type Broker } from '@gleaner/broker';
import { connectDatabase, moveRun, putJob, type Database, type JobDocument, type RunDocument } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import type { BrokerManagement } from './brokerManagement.ts';
import { withBroker, type TestBroker } from './withBroker.ts';
import { withReadyMongo } from './withReadyMongo.ts';
import { defaultTimes, type OriginDefaults, type SchedulerTimes } from '../../services/scheduler/src/config.ts';
import { holdLeadership, type Leadership } from '../../services/scheduler/src/holdLeadership.ts';
import { leadTerm } from '../../services/scheduler/src/leadTerm.ts';

/** The times of a scheduler that a test can wait for. */
const quickTimes: SchedulerTimes = { ...defaultTimes, leaseMs: 1_500, renewMs: 400, stepDownMs: 1_000, candidateMs: 100, scanMs: 200, lostAfterMs: 500 };

export interface SchedulerStage {
  readonly mongoUrl: string;
  readonly amqpUrl: string;
  readonly database: Database;
  readonly broker: Broker;
  readonly management: BrokerManagement;
  /** Ticks in the order in which they came, as a collector sees them. */
  readonly ticks: Tick[];
  /** Starts a scheduler of its own; resolves once it leads, unless `wait` is false. */
  start(options?: { readonly times?: Partial<SchedulerTimes>; readonly origins?: OriginDefaults; readonly wait?: boolean; /** It hears of no change and has only its scans. */ readonly deaf?: boolean }): Promise<Leadership>;
  put(id: string, input: Partial<JobInput>): Promise<JobDocument>;
  runsOf(job: string): Promise<RunDocument[]>;
  /** Announces what gateways and storages announce. */
  tell(event: EventMessage | Extract<WakeMessage, { kind: 'reported' }>): void;
  /** Ends a run as storage would, and tells of it. */
  end(run: string, to: 'succeeded' | 'failed' | 'unchanged', set?: Partial<RunDocument>): Promise<RunDocument | null>;
}

/** Runs `fn` with a database, a broker (its own vhost, or the one given) and as many schedulers as it starts; all end with it. Ticks are taken unless `collect` is false. */
export async function withScheduler(fn: (stage: SchedulerStage) => Promise<void>, { collect = true, broker: given }: { readonly collect?: boolean; readonly broker?: TestBroker } = {}): Promise<void> {
  const log = createLogger({ service: 'scheduler-test', level: 'silent' });
  const withServer = given === undefined ? withBroker : (use: (server: TestBroker) => Promise<void>) => use(given);
  await withReadyMongo(async ({ url: mongoUrl }) => withServer(async ({ url: amqpUrl, management }) => {
    const database = await connectDatabase({ url: mongoUrl, appName: 'test' });
    const broker = await connectBroker({ url: amqpUrl, name: 'test', log });
    const leaders: { leadership: Leadership; database: Database; broker: Broker }[] = [];
    const ticks: Tick[] = [];
    const tell: SchedulerStage['tell'] = (event) => { broker.announce(exchanges.events, event.kind === 'run' ? `run.${event.state}` : event.kind === 'job' ? `job.${event.what}` : wakeKeys.reported, event); };
    try {
      await broker.declare(topology);
      if (collect) await broker.consume({ queue: 'collect', concurrency: 50, handler: (delivery) => { ticks.push(delivery.json() as Tick); return done(); } }).ready;
      await fn({
        mongoUrl, amqpUrl, database, broker, management, ticks,
        async start({ times = {}, origins = { concurrency: 1_000, perMinute: 0 }, wait = true, deaf = false } = {}) {
          const own = { database: await connectDatabase({ url: mongoUrl, appName: 'scheduler' }), broker: await connectBroker({ url: amqpUrl, name: 'scheduler', log }) };
          await own.broker.declare(topology); // as main does: what vanishes is declared again
          let lead: () => void = () => undefined;
          const led = new Promise<void>((resolve) => { lead = resolve; });
          const all = { ...quickTimes, ...times };
          const leadership = holdLeadership({ database: own.database, owner: randomUUID(), times: all, log, lead: (term) => leadTerm({ ...own, times: all, origins, log, onReady: lead, ...(deaf ? { broker: { ...own.broker, subscribe: () => ({ ready: Promise.resolve(), stop: async () => undefined }) } } : {}) }, term) });
          leaders.push({ leadership, ...own });
          if (wait) await led;
          return leadership;
        },
        async put(id, input) {
          const definition = jobDefinitionSchema.parse({ source: { http: { url: `https://${id}.example/` } }, key: 'id', ...input });
          return (await putJob({ database, id, definition, by: 'test' })).job;
        },
        runsOf: (job) => database.collections.runs.find({ job }).sort({ scheduledAt: 1, _id: 1 }).toArray(),
        tell,
        async end(run, to, set = {}) {
          const moved = await moveRun({ database, run, to, set });
          if (moved) tell({ kind: 'run', run, job: moved.job, state: to, rev: moved.rev, at: new Date().toISOString() });
          return moved;
        },
      });
    } finally {
      for (const { leadership, ...own } of leaders) {
        await leadership.stop();
        await own.broker.close();
        await own.database.close();
      }
      await broker.close();
      await database.close();
    }
  }));
}
