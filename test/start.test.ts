import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { listeningAddresses } from './support/listeningAddresses.ts';
import { processesWith, type SeenProcess } from './support/processesWith.ts';
import { until } from './support/until.ts';

const bootstrap = fileURLToPath(new URL('../deploy/standalone/bootstrap.mjs', import.meta.url));
const adminKey = 'start-test-key-0123456789';

interface Launch {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

let directory = '';
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'gleaner-start-')); });
afterEach(async () => {
  for (const { pid } of family()) kill(pid);
  await until(() => family().length === 0, { see: family });
  rmSync(directory, { recursive: true, force: true });
});

/** Everything that was started over this test's folder. */
const family = (): SeenProcess[] => processesWith(`DATA_DIR=${directory}`);
const members = (part: string): number[] => family().filter(({ command }) => command.includes(part)).map(({ pid }) => pid);

function launch(env: Record<string, string> = {}): Launch {
  const child = spawn(process.execPath, [bootstrap, 'start'], {
    env: { ...process.env, NODE_OPTIONS: '', AMQP_URL: '', MONGO_URL: '', DATA_DIR: directory, GATEWAY_PORT: '0', ADMIN_KEY: adminKey, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => { lines.push(line); });
  return { process: child, lines, ended: new Promise((resolve) => { child.once('close', resolve); }) };
}

async function readyAddress({ lines, process: child }: Launch): Promise<string> {
  const line = await until(() => {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    return lines.find((text) => text.startsWith('ready at '));
  }, { timeout: 45_000, see: () => lines });
  return line.slice('ready at '.length);
}

async function get(address: string, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${address}${path}`, { headers: { authorization: `Bearer ${adminKey}` } });
  return { status: answer.status, body: await answer.json() as Record<string, unknown> };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}

describe('npm start', () => {
  it('gathers the demo, outlives a killed launcher, finds its data again, and leaves nothing running', async () => {
    const secretFile = join(directory, 'tsm-key');
    writeFileSync(secretFile, 'key-from-a-file\n');
    const first = launch({ SECRET_TSM_KEY_FILE: secretFile });
    const address = await readyAddress(first);
    expect(first.lines.filter((line) => /http:\/\//.test(line))).toEqual([`ready at ${address}`]);
    const auctions = await get(address, '/v1/jobs/auctions/items');
    expect(auctions.status).toBe(200);
    expect(auctions.body['total']).toBe(32);
    for (const job of ['rates-cbr', 'rates-ecb', 'rates-privatbank', 'rates-usd', 'manifest']) {
      expect({ job, has: Number((await get(address, `/v1/jobs/${job}/items`)).body['total']) > 0 }).toEqual({ job, has: true });
    }
    expect([...listeningAddresses(Number(new URL(address).port))]).toEqual(['127.0.0.1']);

    // A second launcher over the same folder is told so, and disturbs nobody.
    const second = launch();
    expect(await second.ended).toBe(1);
    expect(second.lines.join('\n')).toMatch(/Gleaner runs already over .* \(process \d+\): stop it first/);

    // A service that is killed comes back.
    const [storage = 0] = members('services/storage');
    kill(storage);
    await until(() => first.lines.some((line) => line.startsWith('storage ended (SIGKILL); starting it again in 0.5 s')), { see: () => first.lines });
    await until(() => members('services/storage').some((pid) => pid !== storage), { see: family });

    // A killed launcher takes the services with it; the servers wait for the next one.
    const [mongod = 0] = members('mongod');
    const [launcher = 0] = members('standalone/start.ts');
    kill(launcher);
    expect(await first.ended).toBe(1);
    await until(() => family().every(({ command }) => !/services\/|deploy\/demo/.test(command)), { timeout: 30_000, see: family });
    expect(members('mongod')).toEqual([mongod]);

    const third = launch();
    const again = await readyAddress(third);
    expect(third.lines.join('\n')).toMatch(/MongoDB: adopted .*; RabbitMQ: adopted /);
    expect(members('mongod')).toEqual([mongod]);
    const kept = await get(again, `/v1/jobs/auctions/items?at=${encodeURIComponent(String(auctions.body['at']))}`);
    expect(kept.body['items']).toEqual(auctions.body['items']);

    third.process.kill('SIGINT');
    third.process.kill('SIGINT'); // as npm and the terminal send it
    expect(await third.ended).toBe(0);
    expect(family()).toEqual([]);
    expect(third.lines.filter((line) => /^(error|fatal)|could not|not released/.test(line))).toEqual([]);
  }, 180_000);

  it('names the port that is in use, and starts nothing', async () => {
    const squatter = createServer();
    const port = await new Promise<number>((resolve) => {
      squatter.listen(0, '127.0.0.1', () => {
        const address = squatter.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      const start = launch({ GATEWAY_PORT: String(port) });
      expect(await start.ended).toBe(1);
      expect(start.lines.join('\n')).toContain(`GATEWAY_PORT: ${port} of 127.0.0.1 is in use; set GATEWAY_PORT to another port, or to 0 for a free one`);
      expect(family()).toEqual([]);
    } finally {
      await new Promise((resolve) => { squatter.close(resolve); });
    }
  });

  it.each([
    // RabbitMQ takes seconds until it answers, so both are still on their way.
    ['its servers begin', ['rabbitmq', 'mongod']],
    ['the setup runs', ['standalone/setup.ts']],
  ])('stopped while %s, ends what has begun', async (_, begun) => {
    const start = launch({ DEMO: 'off' });
    await until(() => begun.every((part) => members(part).length > 0), { timeout: 60_000, see: () => [family(), start.lines] });
    start.process.kill('SIGINT');
    expect(await start.ended).toBe(0);
    expect(family()).toEqual([]);
    expect(start.lines.filter((line) => /^(error|fatal)|not released|^ready at/.test(line))).toEqual([]);
  }, 120_000);

  it('reports every fault of its environment at once', async () => {
    const start = launch({ GATEWAY_PORT: 'many', COLLECTORS: '0', DEMO: 'maybe' });
    expect(await start.ended).toBe(1);
    const said = start.lines.join('\n');
    for (const variable of ['GATEWAY_PORT', 'COLLECTORS', 'DEMO']) expect(said).toContain(variable);
  });
});
