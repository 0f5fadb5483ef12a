import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ItemsAnswer, LetterAnswer, RunAnswer, SnapshotAnswer } from '@gleaner/contracts';
import { until } from '../support/until.ts';
import type { Container } from './compose.ts';
import { SERVICES, type Scene } from './scene.ts';

export interface Step {
  readonly name: string;
  readonly run: (scene: Scene) => Promise<string | void>;
}

const ASKED = ['asked-1', 'asked-2', 'asked-3', 'asked-4', 'asked-5', 'asked-6'];
const FIRING = ['beat-1', 'beat-2', 'beat-3'];
const DEMO = ['auctions', 'manifest', 'rates-cbr', 'rates-ecb', 'rates-privatbank', 'rates-usd'];
const BIG = 20_000;

const seconds = (since: number): string => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

/** In order: each goes on from where the one before it left everything. */
export const steps: readonly Step[] = [
  { name: 'builds the image', run: async ({ compose }) => {
    const started = performance.now();
    await compose.run(['build', 'gateway'], { timeoutMs: 420_000 });
    return seconds(started);
  } },
  { name: 'comes up whole from nothing, every container healthy', run: async ({ compose, healthy }) => {
    const started = performance.now();
    await compose.run(['up', '-d', '--wait']);
    for (const service of [...SERVICES, 'rabbitmq', 'mongo']) await healthy(service);
    return seconds(started);
  } },
  { name: 'services have no rights that they do not need, and ports are on loopback only', run: async ({ compose, one }) => {
    for (const service of SERVICES) {
      const container = await one(service);
      assert.deepEqual([container.HostConfig.ReadonlyRootfs, container.HostConfig.CapDrop, container.HostConfig.Init, container.Config.User], [true, ['ALL'], true, 'node'], service);
      assert.ok(container.HostConfig.Memory > 0, `${service} has a memory limit`);
      const seen = await compose.shell(container, 'id -u; grep -E "^(CapEff|NoNewPrivs)" /proc/1/status; touch /app/x 2>/dev/null && echo written; env | grep -c MONGO_URL || true');
      assert.match(seen, /^1000\nCapEff:\s+0+\nNoNewPrivs:\s+1\n[01]\n$/, service);
      assert.equal(seen.trim().endsWith('0'), service === 'collector', 'only the collector has no address of the database');
    }
    for (const container of await compose.containers()) {
      for (const bindings of Object.values(container.NetworkSettings.Ports)) for (const { HostIp } of bindings ?? []) assert.equal(HostIp, '127.0.0.1', container.Name);
    }
    const networks = async (service: string): Promise<string[]> => Object.keys((await one(service)).NetworkSettings.Networks).map((name) => name.slice(name.lastIndexOf('_') + 1)).toSorted();
    assert.deepEqual([await networks('mongo'), await networks('collector')], [['data'], ['inner', 'outer']], 'a collector has no way to the database');
  } },
  { name: 'a secret from a file reaches the upstream in a header, and stands in no environment', run: async ({ api, upstream, runIn, headerToken, one, compose }) => {
    await api.ask('PUT', '/v1/jobs/secret', { source: { http: { url: 'http://upstream:8090/feed/secret', headers: { 'x-token': '{{ secret.HEADER_TOKEN }}' } } }, key: 'id' });
    await runIn(await api.runNow('secret'), ['succeeded']);
    assert.equal((await upstream()).tokens['/feed/secret'], headerToken);
    for (const service of [...SERVICES, 'rabbitmq']) assert.match(await compose.shell(await one(service), `env | grep -c -e '${headerToken}' -e '@rabbitmq:5672' || true`), /^0\n$/, service);
    await api.ask('DELETE', '/v1/jobs/secret');
  } },
  { name: '`--profile demo` brings sample jobs, and their snapshots can be read', run: async ({ api, compose }) => {
    const started = performance.now();
    await compose.run(['--profile', 'demo', 'up', '-d', '--wait']);
    const totals: Record<string, number> = {};
    for (const job of DEMO) {
      totals[job] = await until(async () => (await api.ask<ItemsAnswer>('GET', `/v1/jobs/${job}/items?limit=1`)).total ?? 0, { timeout: 60_000, what: `items of the sample job ${job}`, see: () => api.ask('GET', `/v1/runs?job=${job}&limit=3`) });
    }
    assert.equal(totals['auctions'], 32);
    // The books that follow are of the test's own jobs.
    for (const job of DEMO) await api.ask('DELETE', `/v1/jobs/${job}`);
    await compose.run(['--profile', 'demo', 'rm', '-s', '-f', 'playback', 'demo']);
    return `${JSON.stringify(totals)} in ${seconds(started)}`;
  } },
  { name: 'applies jobs, runs them and serves their snapshots', run: async ({ putJob, askRuns, runIn, api, ledger }) => {
    for (const job of ASKED) await putJob(job, {});
    for (const job of FIRING) await putJob(job, { fires: true });
    await putJob('big', { size: BIG });
    const [run = ''] = await askRuns(['big'], 1);
    const { counts } = await runIn(run, ['succeeded']);
    assert.equal(counts?.kept, BIG);
    const answer = await api.ask<ItemsAnswer>('GET', '/v1/jobs/big/items?limit=10');
    assert.equal(answer.total, BIG);
    assert.equal(answer.items.length, 10);
    await askRuns(ASKED, 12);
    return tell(await ledger());
  } },
  { name: 'three collectors each take a share; one alone takes back what the others had begun', run: async (scene) => {
    const { compose, healthy, upstream, askRuns, ledger } = scene;
    await compose.run(['up', '-d', '--no-recreate', '--scale', 'collector=3']);
    const containers = await healthy('collector', 3);
    const addresses = containers.map(({ NetworkSettings }) => Object.entries(NetworkSettings.Networks).find(([name]) => name.endsWith('_inner'))?.[1].IPAddress ?? '');
    await upstream({ delayMs: 300, forget: true });
    await askRuns(ASKED, 30);
    const { seen } = await until(async () => {
      const told = await upstream();
      return addresses.every((address) => (told.seen[address] ?? 0) > 0) && told;
    }, { timeout: 30_000, what: `requests from each of ${addresses.join(', ')}`, see: () => upstream() });
    await askRuns(ASKED, 12);
    await upstream({ hold: true });
    await until(async () => (await upstream()).waiting >= 3, { what: 'requests under way' });
    const scaled = compose.run(['up', '-d', '--no-recreate', '--scale', 'collector=1']);
    await upstreamAfter(scene, 2_000);
    await scaled;
    const { runs, snapshots } = await ledger();
    return `requests ${addresses.map((address) => seen[address]).join(' + ')}; ${tell({ runs, snapshots })}`;
  } },
  { name: 'a collector killed with -9 in the middle of runs', run: async (scene) => await killedInTheMiddle(scene, 'collector') },
  { name: 'the scheduler killed with -9 in the middle of runs', run: async (scene) => await killedInTheMiddle(scene, 'scheduler') },
  { name: 'a storage killed with -9 while it stores', run: async (scene) => {
    const { askRuns, ledger } = scene;
    // A collector works on 8 runs at once, and none of these may keep it from the large one: they, the 3 that fire, and that one.
    await askRuns(ASKED.slice(0, 4), 4);
    let tries = 1;
    while (!(await crashedWhileStoring(scene))) assert.ok((tries += 1) <= 6, 'each of 6 runs had ended by the time the storage was dead');
    return `${tries === 1 ? '' : `at the ${tries}th run; `}${tell(await ledger())}`;
  } },
  { name: 'RabbitMQ restarted under load', run: async (scene) => await restartedUnderLoad(scene, 'rabbitmq') },
  { name: 'MongoDB restarted under load', run: async (scene) => await restartedUnderLoad(scene, 'mongo') },
  { name: 'stopped under load, every service ends in order; started again, it goes on', run: async (scene) => {
    const { compose, upstream, askRuns, ledger } = scene;
    await upstream({ delayMs: 400 });
    await askRuns([...ASKED, 'big'], 20);
    const started = performance.now();
    await compose.run(['stop', ...SERVICES]);
    const took = seconds(started);
    for (const service of SERVICES) {
      for (const { State, Name } of await compose.containers(service)) assert.deepEqual([State.Status, State.ExitCode], ['exited', 0], Name);
    }
    await upstream({ delayMs: 0 });
    await compose.run(['up', '-d', '--wait']);
    return `stopped in ${took}; ${tell(await ledger())}`;
  } },
  { name: 'a rolling `up -d --build` under load', run: async ({ compose, underLoad, one, healthy, ledger }) => {
    const before = await Promise.all(SERVICES.map(one));
    // A label is enough to make another image, as a changed line would.
    await underLoad(async () => {
      await compose.run(['build', '--build-arg', `REVISION=${Date.now()}`, 'gateway'], { timeoutMs: 420_000 });
      await compose.run(['up', '-d', '--wait']);
      for (const service of SERVICES) await healthy(service);
    });
    const after = await Promise.all(SERVICES.map(one));
    assert.deepEqual(after.filter(({ Id }) => before.some((old) => old.Id === Id)), [], 'every service is a new container');
    return tell(await ledger());
  } },
  { name: 'an upstream that fails leaves a letter; healed and replayed, it gives the snapshot', run: async ({ putJob, upstream, askRuns, runIn, api, ledger }) => {
    await putJob('failing', { attempts: 1 });
    // The jobs that fire would fail too.
    for (const job of FIRING) await api.ask('POST', `/v1/jobs/${job}/pause`);
    await upstream({ status: 503 });
    const [run = ''] = await askRuns(['failing'], 1);
    const failed = await runIn(run, ['failed']);
    assert.deepEqual([failed.error?.class, failed.error?.status], ['http_5xx', 503]);
    const { letters } = await api.ask<{ letters: LetterAnswer[] }>('GET', '/v1/dead-letters?job=failing');
    assert.deepEqual(letters.map(({ queue, state, class: reason }) => [queue, state, reason]), [['collect', 'parked', 'http_5xx']]);
    await upstream({ status: 200 });
    for (const job of FIRING) await api.ask('POST', `/v1/jobs/${job}/resume`);
    await Promise.all([1, 2, 3].map(async () => { await api.ask('POST', '/v1/dead-letters/replay', { ids: [letters[0]?.id] }); }));
    await runIn(run, ['succeeded']);
    assert.equal((await api.ask<ItemsAnswer>('GET', '/v1/jobs/failing/items')).items.length, 2);
    const letter = await api.ask<LetterAnswer>('GET', `/v1/dead-letters/${letters[0]?.id ?? ''}`);
    assert.deepEqual([letter.state, letter.replays], ['replayed', 1]);
    return tell(await ledger({ letters: 1 }));
  } },
  { name: 'taken down and up, services before their servers, it finds the data again', run: async ({ compose, api, askRuns, healthy, ledger }) => {
    await ledger({ letters: 1 });
    const before = await dataOf(api);
    await compose.run(['down']);
    await compose.run(['up', '-d', '--no-deps', 'gateway', 'storage', 'collector', 'scheduler']);
    await delay(3_000); // long enough for each to have failed at least once
    const started = performance.now();
    await compose.run(['up', '-d', '--wait']);
    for (const service of SERVICES) await healthy(service);
    const took = seconds(started);
    assert.deepEqual(await dataOf(api), before);
    await askRuns(ASKED, 6);
    return `${took}; ${tell(await ledger({ letters: 1 }))}`;
  } },
  { name: 'killed whole with -9 under load, up again', run: async ({ compose, upstream, askRuns, healthy, ledger }) => {
    await upstream({ delayMs: 200 });
    await askRuns([...ASKED, 'big'], 20);
    // All but the upstream, whose end would fail runs that nothing of Gleaner's failed.
    await compose.run(['kill', ...SERVICES, 'rabbitmq', 'mongo']);
    const started = performance.now();
    await compose.run(['up', '-d', '--wait']);
    for (const service of SERVICES) await healthy(service);
    const took = seconds(started);
    return `${took}; ${tell(await ledger({ letters: 1 }))}`;
  } },
];

/** Runs are under way at the upstream when the service dies; then the upstream answers. */
async function killedInTheMiddle({ compose, one, upstream, askRuns, healthy, ledger }: Scene, service: string): Promise<string> {
  await upstream({ hold: true });
  const runs = await askRuns(ASKED, 6);
  await until(async () => (await upstream()).waiting >= runs.length, { timeout: 30_000, what: 'all runs waiting for the upstream', see: () => upstream() });
  const before = await one(service);
  await compose.crash(before);
  await upstream({ hold: false });
  await startedAgain({ compose, healthy }, service, before);
  return tell(await ledger());
}

/** Kills the storage when a large answer has just left the upstream. Whether that hit it in the middle: the run was under way, and was still so with the storage dead. */
async function crashedWhileStoring({ compose, one, upstream, api, askRuns, runIn, healthy }: Scene): Promise<boolean> {
  await upstream({ hold: true });
  const [run = ''] = await askRuns(['big'], 1);
  await runIn(run, ['running']);
  const before = await one('storage');
  await upstream({ hold: false });
  await until(async () => (await upstream()).waiting === 0, { interval: 10, what: 'the upstream having answered', see: () => upstream() });
  await compose.crash(before);
  const { state } = await api.ask<RunAnswer>('GET', `/v1/runs/${encodeURIComponent(run)}`);
  await startedAgain({ compose, healthy }, 'storage', before);
  await runIn(run, ['succeeded']);
  return state === 'running';
}

/** Waits until Docker has started the very container again and it is healthy: one that had not died would be so at once. */
async function startedAgain({ compose, healthy }: Pick<Scene, 'compose' | 'healthy'>, service: string, before: Container): Promise<void> {
  const [after] = await until(async () => {
    const containers = await compose.containers(service);
    return containers.every(({ RestartCount }) => RestartCount > before.RestartCount) && containers;
  }, { timeout: 30_000, what: `Docker starting ${service} again`, see: async () => (await compose.containers(service)).map(({ Name, State, RestartCount }) => [Name, State.Status, RestartCount]) });
  assert.equal(after?.Id, before.Id);
  await healthy(service);
}

async function restartedUnderLoad({ compose, underLoad, healthy, upstream, ledger }: Scene, service: string): Promise<string> {
  await upstream({ delayMs: 100 });
  await underLoad(async () => {
    await compose.run(['restart', service]);
    await healthy(service);
    for (const name of SERVICES) await healthy(name);
  });
  await upstream({ delayMs: 0 });
  return tell(await ledger());
}

/** Lets the upstream answer after a while, by when a stop is under way. */
async function upstreamAfter({ upstream }: Scene, ms: number): Promise<void> {
  await delay(ms);
  await upstream({ hold: false, delayMs: 0 });
}

async function dataOf(api: Scene['api']): Promise<unknown> {
  const { items } = await api.ask<ItemsAnswer>('GET', '/v1/jobs/big/items?limit=1000');
  const { snapshots } = await api.ask<{ snapshots: SnapshotAnswer[] }>('GET', '/v1/jobs/asked-1/snapshots?limit=10000');
  return { items, snapshots };
}

function tell({ runs, snapshots }: { runs: number; snapshots: number }): string {
  return `${runs} runs, ${snapshots} snapshots accounted for`;
}
