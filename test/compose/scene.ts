import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunAnswer } from '@gleaner/contracts';
import { freePort } from '@gleaner/standalone';
import { until } from '../support/until.ts';
import { createCompose, type Compose, type Container } from './compose.ts';
import { createGatewayApi, type GatewayApi } from './gatewayApi.ts';
import { assertLedger, type LedgerCount } from './ledger.ts';
import { writeSecrets } from './writeSecrets.ts';

const PREFIX = '10.87.214';
export const SERVICES = ['scheduler', 'collector', 'storage', 'gateway'] as const;

export interface UpstreamTold {
  readonly waiting: number;
  /** Requests by the address that they came from. */
  readonly seen: Readonly<Record<string, number>>;
  /** The header `x-token` of the newest request that had one, by feed. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** A Gleaner in containers, an upstream that the test steers, and what was asked of it so far. */
export interface Scene {
  readonly compose: Compose;
  readonly api: GatewayApi;
  readonly management: string;
  readonly gatewayUrl: string;
  /** What `{{ secret.HEADER_TOKEN }}` stands for, told to the collectors by a file. */
  readonly headerToken: string;
  /** Steers the upstream, or only asks it. */
  upstream(change?: { delayMs?: number; status?: number; hold?: boolean; forget?: true }): Promise<UpstreamTold>;
  /** Puts a job that reads its own feed of the upstream: fired every second, or only asked for. */
  putJob(id: string, options: { fires?: boolean; size?: number; attempts?: number }): Promise<void>;
  /** Asks for `count` runs, going round the jobs. */
  askRuns(jobs: readonly string[], count: number): Promise<string[]>;
  /** Goes on asking for runs of all small jobs while `fn` runs; rejects when one could not be asked for. */
  underLoad(fn: () => Promise<void>): Promise<void>;
  runIn(run: string, states: readonly string[], timeout?: number): Promise<RunAnswer>;
  one(service: string): Promise<Container>;
  /** Waits until that many containers of the service are healthy. */
  healthy(service: string, count?: number): Promise<Container[]>;
  ledger(options?: { letters?: number }): Promise<LedgerCount>;
}

/** Names, ports, secrets and addresses of the test's own (and variables of the compose file besides); nothing is started. `clean` takes down whatever was, with its volumes. */
export async function makeScene(variables: Readonly<Record<string, string>> = {}): Promise<Scene & { env: Readonly<Record<string, string>>; clean(): Promise<void>; forgetSecrets(): void }> {
  const [gatewayPort, managementPort, upstreamPort] = [await freePort(), await freePort(), await freePort()];
  const [key, brokerPassword, headerToken] = [randomBytes(24).toString('base64url'), randomBytes(12).toString('base64url'), randomBytes(12).toString('base64url')];
  const secrets = writeSecrets({ brokerPassword, adminKey: key, headerToken });
  const env = {
    GLEANER_IMAGE: 'gleaner:compose-test', INNER_PREFIX: PREFIX, GATEWAY_PORT: String(gatewayPort), RABBITMQ_MANAGEMENT_PORT: String(managementPort),
    UPSTREAM_PORT: String(upstreamPort), ALLOW_NETWORKS: `${PREFIX}.11/32:8090, ${PREFIX}.10/32:8090`,
    // Passwords and keys come from files only.
    SECRETS_DIR: secrets, AMQP_URL: '', ADMIN_KEY: '',
    ...variables,
  };
  const compose = createCompose({ project: 'gleaner-compose-test', env });
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  const api = createGatewayApi({ url: gatewayUrl, key });
  const management = `http://gleaner:${brokerPassword}@127.0.0.1:${managementPort}`;
  const firing: string[] = [];
  const asked = new Map<string, string[]>();
  const small: string[] = [];

  const askRun = async (job: string): Promise<string> => {
    const run = await api.runNow(job);
    asked.get(job)?.push(run);
    return run;
  };
  const one: Scene['one'] = async (service) => {
    const [first] = await compose.containers(service);
    if (first === undefined) throw new Error(`no container of ${service}`);
    return first;
  };
  return {
    env, compose, api, management, gatewayUrl, headerToken, one,
    clean: async () => {
      await compose.run(['--profile', 'demo', 'down', '-v', '--remove-orphans', '-t', '5']);
    },
    forgetSecrets: () => { rmSync(secrets, { recursive: true, force: true }); },
    upstream: async (change) => {
      const response = await fetch(`http://127.0.0.1:${upstreamPort}/`, change === undefined ? {} : { method: 'POST', body: JSON.stringify(change) });
      return await response.json() as UpstreamTold;
    },
    putJob: async (id, { fires = false, size = 2, attempts = 5 }) => {
      await api.ask('PUT', `/v1/jobs/${id}`, {
        source: { http: { url: `http://upstream:8090/feed/${id}?size=${size}`, retry: { attempts } } }, key: 'id', ...(fires ? { schedule: { every: '1s' } } : {}),
      });
      if (fires) firing.push(id);
      else asked.set(id, []);
      if (!fires && size === 2) small.push(id);
    },
    askRuns: async (jobs, count) => await Promise.all(Array.from({ length: count }, async (_, index) => await askRun(jobs[index % jobs.length] ?? ''))),
    underLoad: async (fn) => {
      let over = false;
      const load = (async () => {
        for (let turn = 0; !over; turn += 1) {
          await askRun(small[turn % small.length] ?? '');
          await delay(150);
        }
      })();
      try {
        await Promise.race([fn(), load]);
      } finally {
        over = true;
        await load;
      }
    },
    runIn: async (run, states, timeout = 60_000) => await until(async () => {
      const answer = await api.ask<RunAnswer>('GET', `/v1/runs/${encodeURIComponent(run)}`);
      return states.includes(answer.state) ? answer : false;
    }, { timeout, interval: 100, what: `run ${run} being ${states.join(' or ')}`, see: async () => await api.ask('GET', `/v1/runs/${encodeURIComponent(run)}`) }),
    healthy: async (service, count = 1) => await until(async () => {
      const containers = await compose.containers(service);
      return containers.length === count && containers.every(({ State }) => State.Health?.Status === 'healthy') && containers;
    }, { timeout: 90_000, interval: 300, what: `${count} healthy ${service}`, see: async () => (await compose.containers(service)).map(({ Name, State }) => [Name, State.Status, State.Health?.Status]) }),
    ledger: async ({ letters = 0 } = {}) => await assertLedger({ api, management, firing, asked, letters }),
  };
}
