import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines } from './runCommand.ts';
import { keepService } from './serviceProcess.ts';
import type { ServiceProcess } from './serviceProcess.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HEALTH_LINE = / ready, health at (http:\/\/\S+)/;
const PLAYBACK_LINE = /^playback at (http:\/\/\S+)/;

export type Surroundings = {
  env: NodeJS.ProcessEnv;
  directory: string;
  say: (line: string) => void;
};

/** The demo's upstream on this port of loopback. */
export function startPlayback({ port, env, directory, say }: Surroundings & { port: number }): ServiceProcess {
  return keepService({
    name: 'playback', entry: join(ROOT, 'deploy/demo/main.ts'), announces: PLAYBACK_LINE,
    env: { ...env, PLAYBACK_HOST: '127.0.0.1', PLAYBACK_PORT: String(port) }, logFile: join(directory, 'logs', 'playback.log'), say,
  });
}

/** The services in the order in which they may be stopped from the last to the first. */
export function startServices({ env, directory, say, collectors, gatewayPort, allowNetworks }: Surroundings & {
  collectors: number; gatewayPort: number; allowNetworks: string | undefined;
}): ServiceProcess[] {
  const shared: NodeJS.ProcessEnv = { ...env, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0' };
  // A collector needs no database, so it does not get its address either.
  const collector = { ...shared, MONGO_URL: undefined, ...(allowNetworks === undefined ? {} : { ALLOW_NETWORKS: allowNetworks }) };
  const collectorNames = Array.from({ length: collectors }, (_, index) => (index === 0 ? 'collector' : `collector-${index + 1}`));
  const start = (name: string, service: string, own: NodeJS.ProcessEnv): ServiceProcess => keepService({
    name, entry: join(ROOT, 'services', service, 'src/main.ts'), env: own, announces: HEALTH_LINE, healthPath: '/health/ready',
    logFile: join(directory, 'logs', `${name}.log`), say,
  });
  return [
    start('storage', 'storage', shared),
    ...collectorNames.map((name) => start(name, 'collector', collector)),
    start('scheduler', 'scheduler', shared),
    start('gateway', 'gateway', { ...shared, GATEWAY_HOST: '127.0.0.1', GATEWAY_PORT: String(gatewayPort) }),
  ];
}

/** Runs the one-shot setup to its end, or to the signal; rejects with what it said when it fails. Half of it does no harm: it is run again at each start. */
export async function runSetup({ env, say, signal }: Omit<Surroundings, 'directory'> & { signal: AbortSignal }): Promise<void> {
  signal.throwIfAborted();
  const entry = join(ROOT, 'deploy/standalone/setup.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const giveUp = (): void => void child.kill();
  signal.addEventListener('abort', giveUp);
  let output = '';
  let faults = '';
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { faults += chunk.toString(); });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  }).finally(() => signal.removeEventListener('abort', giveUp));
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`the setup failed (exit ${code}):\n${lastLines(`${output}\n${faults}`, 20)}`);
  for (const line of output.split('\n').filter((text) => text !== '' && !text.startsWith('{'))) say(line);
}
