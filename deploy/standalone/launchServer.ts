import { existsSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, portTaken } from './freePort.ts';
import { groupLives, stopGroup } from './processes.ts';
import type { ProcessGroup } from './processes.ts';
import { lastLines } from './runCommand.ts';
import { forgetServerGroups, readServerRecord, writeServerRecord } from './serverRecord.ts';

export type Ports = Record<string, number>;

/** A server as a program to start: what launchServer needs to know about RabbitMQ or mongod. */
export type ServerProgram = {
  name: string;
  portNames: readonly string[];
  recipe: string;
  logFile: string;
  /** Starts its processes one after another, each reported as soon as it runs; what the report gives back takes it off the list. */
  start(ports: Ports, started: (group: ProcessGroup) => () => void): Promise<void>;
  /** Whether it answers as it should; rejects or is false while it does not. */
  answers(ports: Ports): Promise<boolean>;
  /** Whether a line of its log tells why it ended; without it the last lines are quoted. */
  isFault?(line: string): boolean;
};

export type LaunchedServer = {
  ports: Ports;
  how: 'adopted' | 'started';
  /** Whether all its processes run. */
  lives(): boolean;
  /** Ends all its processes; `signal: 'SIGKILL'` at once and without a clean end. */
  stop(options?: { signal?: NodeJS.Signals }): Promise<void>;
};

const STOP_PATIENCE_MS = 15_000;
/** A port is free when it is chosen, and a server opens it seconds later: another process may have been quicker. */
const MOST_STARTS = 3;

/**
 * Gives a running server: the one that an earlier launcher left (by its record, if it is the same program and answers),
 * else a new one, after what is left of the old one has been ended. Rejects, with the end of the server's log, when it
 * exits or does not answer within `patience` ms, or when `signal` is aborted; nothing stays running then. Where another process
 * took one of its ports meanwhile it is started again, on other ports.
 */
export async function launchServer({ program, recordFile, patience = 60_000, log, signal }: {
  program: ServerProgram; recordFile: string; patience?: number; log: (line: string) => void; signal?: AbortSignal | undefined;
}): Promise<LaunchedServer> {
  const earlier = readServerRecord(recordFile);
  if (earlier !== undefined && earlier.groups.length > 0) {
    const alive = earlier.groups.every(groupLives);
    if (alive && earlier.recipe === program.recipe && await answersSoon(program, earlier.ports)) {
      return { ports: earlier.ports, how: 'adopted', lives: () => earlier.groups.every(groupLives), stop: stopper(earlier.groups, recordFile) };
    }
    if (earlier.groups.some(groupLives)) log(`replacing the ${program.name} that an earlier start left`);
    await stopper(earlier.groups, recordFile)();
  }
  for (let starts = 1; ; starts += 1) {
    signal?.throwIfAborted();
    const ports: Ports = {};
    for (const name of program.portNames) ports[name] = await freePort(earlier?.ports[name]);
    try {
      return await startServer({ program, recordFile, ports, patience, signal });
    } catch (error) {
      const taken = signal?.aborted === true ? [] : await takenOf(Object.values(ports));
      if (taken.length === 0 || starts === MOST_STARTS) throw error;
      log(`${program.name} did not start, and another process has taken port ${taken.join(' and ')} of those chosen for it: starting it again on others`);
    }
  }
}

async function startServer({ program, recordFile, ports, patience, signal }: {
  program: ServerProgram; recordFile: string; ports: Ports; patience: number; signal: AbortSignal | undefined;
}): Promise<LaunchedServer> {
  const groups: ProcessGroup[] = [];
  const logStart = sizeOf(program.logFile);
  const stop = stopper(groups, recordFile);
  try {
    await program.start(ports, (group) => {
      const write = (): void => { writeServerRecord(recordFile, { groups, ports, recipe: program.recipe }); };
      groups.push(group);
      write();
      return () => {
        groups.splice(groups.indexOf(group), 1);
        write();
      };
    });
    await untilItAnswers({ program, ports, groups, patience, logStart, signal });
  } catch (error) {
    // Given up half way, its data may be half made: it gets the chance to end well.
    await stop({ signal: signal?.aborted === true ? 'SIGTERM' : 'SIGKILL' });
    throw error;
  }
  return { ports, how: 'started', lives: () => groups.every(groupLives), stop };
}

async function untilItAnswers({ program, ports, groups, patience, logStart, signal }: {
  program: ServerProgram; ports: Ports; groups: readonly ProcessGroup[]; patience: number; logStart: number; signal: AbortSignal | undefined;
}): Promise<void> {
  const deadline = performance.now() + patience;
  while (!await program.answers(ports).catch(() => false)) {
    signal?.throwIfAborted();
    const ended = !groups.every(groupLives);
    if (ended || performance.now() > deadline) {
      const what = ended ? 'ended while starting' : `did not answer within ${patience / 1000} s`;
      throw new Error(`${program.name} ${what}; from ${program.logFile}:\n${quoteLog(program, logStart)}`);
    }
    await delay(50);
  }
}

async function takenOf(ports: readonly number[]): Promise<number[]> {
  const taken: number[] = [];
  for (const port of ports) if (await portTaken(port)) taken.push(port);
  return taken;
}

/** A server that was just about to answer, or is busy, gets a moment. */
async function answersSoon(program: ServerProgram, ports: Ports): Promise<boolean> {
  for (let look = 0; look < 20; look += 1) {
    if (await program.answers(ports).catch(() => false)) return true;
    await delay(100);
  }
  return false;
}

function stopper(groups: readonly ProcessGroup[], recordFile: string): LaunchedServer['stop'] {
  return async ({ signal = 'SIGTERM' } = {}) => {
    for (const group of groups.toReversed()) await stopGroup(group, { patience: STOP_PATIENCE_MS, signal });
    forgetServerGroups(recordFile);
  };
}

/** What the log says of this start: its faults where the program can tell them, else its end. */
function quoteLog({ logFile, isFault }: ServerProgram, from: number): string {
  if (!existsSync(logFile)) return '(no log)';
  const text = readFileSync(logFile).subarray(from).toString();
  const faults = isFault === undefined ? [] : text.split('\n').filter(isFault);
  return lastLines(faults.length > 0 ? faults.join('\n') : text, 15);
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
