import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { findEpmd } from './findRabbitmq.ts';
import type { Ports, ServerProgram } from './launchServer.ts';
import { spawnGroup } from './processes.ts';

/**
 * RabbitMQ as a private node with its own name, data, ports and epmd, all on loopback. With `management` its HTTP API
 * is there too, and counts are at most a fifth of a second old (5 s otherwise).
 */
export function rabbitmqProgram({ file, directory, management }: { file: string; directory: string; management: boolean }): ServerProgram {
  const home = join(directory, 'rabbitmq');
  const logFile = join(directory, 'logs', 'rabbitmq.log');
  return {
    name: 'RabbitMQ',
    portNames: ['amqp', 'distribution', 'epmd', ...(management ? ['management'] : [])],
    recipe: `${file} management ${management ? 'on' : 'off'}`,
    logFile,
    async start(ports, started) {
      mkdirSync(home, { recursive: true });
      mkdirSync(join(directory, 'logs'), { recursive: true });
      const env = environment({ home, ports, management, logFile });
      writeSettings({ home, ports, management });
      const epmd = ['-address', '127.0.0.1', '-port', String(ports['epmd'])];
      started(await spawnGroup({ command: await findEpmd(), args: epmd, env, logFile, directory: home }));
      started(await spawnGroup({ command: file, args: [], env, logFile, directory: home }));
    },
    async answers(ports) {
      return await answersAmqp({ host: '127.0.0.1', port: ports['amqp'] ?? 0 })
        && (!management || await answersManagement(ports['management'] ?? 0));
    },
  };
}

/** Whether somebody at this address speaks AMQP 0-9-1: greets our protocol header with a method frame on channel 0. */
export async function answersAmqp({ host, port }: { host: string; port: number }): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2_000, () => { end(false); });
    socket.once('error', () => { end(false); });
    socket.once('close', () => { end(false); });
    socket.once('connect', () => { socket.write(Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])); });
    socket.once('data', (bytes) => { end(bytes[0] === 1 && bytes.readUInt16BE(1) === 0); });
  });
}

async function answersManagement(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/api/overview`, {
    headers: { authorization: `Basic ${btoa('guest:guest')}` }, signal: AbortSignal.timeout(2_000),
  });
  await response.body?.cancel();
  return response.ok;
}

function environment({ home, ports, management, logFile }: {
  home: string; ports: Ports; management: boolean; logFile: string;
}): NodeJS.ProcessEnv {
  // What the machine says about another RabbitMQ or Erlang node must not leak into ours.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RABBITMQ|ERL|EPMD)_/.test(name));
  const listenOnLoopback = '-kernel inet_dist_use_interface {127,0,0,1}';
  const idleWithoutSpinning = '+sbwt none +sbwtdcpu none +sbwtdio none';
  return {
    ...Object.fromEntries(inherited),
    HOME: home,
    LC_ALL: 'C.UTF-8',
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(ports['epmd']),
    RABBITMQ_NODENAME: 'gleaner@localhost',
    RABBITMQ_DIST_PORT: String(ports['distribution']),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_CONF_ENV_FILE: join(home, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(home, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_PID_FILE: join(home, 'rabbitmq.pid'),
    RABBITMQ_LOGS: logFile,
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `${listenOnLoopback} ${idleWithoutSpinning}${management ? ' -rabbit quorum_tick_interval 200' : ''}`,
  };
}

function writeSettings({ home, ports, management }: { home: string; ports: Ports; management: boolean }): void {
  const own = [
    `listeners.tcp.local = 127.0.0.1:${ports['amqp']}`,
    ...(management ? [
      'management.tcp.ip = 127.0.0.1', `management.tcp.port = ${ports['management']}`, 'collect_statistics_interval = 200',
    ] : []),
  ];
  const shared = readFileSync(new URL('../rabbitmq.conf', import.meta.url), 'utf8');
  writeFileSync(join(home, 'rabbitmq.conf'), `${shared}\n# Below: this node alone\n${own.join('\n')}\n`);
  writeFileSync(join(home, 'advanced.config'), '[].\n');
  writeFileSync(join(home, 'rabbitmq-env.conf'), '');
  writeFileSync(join(home, 'enabled_plugins'), management ? '[rabbitmq_management].\n' : '[].\n');
}
