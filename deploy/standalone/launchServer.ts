import {existsSync, readFileSync} from 'node:fs';
import {setTimeout as delay} from 'node:timers/promises';
import {freePort} from './freePort.ts';
import {groupLives, stopGroup} from './processes.ts';
import type {ProcessGroup} from './processes.ts';
import {lastLines} from './runCommand.ts';
import {forgetServerGroups, readServerRecord, writeServerRecord} from './serverRecord.ts';

export type Ports = Record<string, number>;

/** A server as a program to start: what launchServer needs to know about RabbitMQ or mongod. */
export type ServerProgram = {
  name: string;
  portNames: readonly string[];
  recipe: string;
  logFile: string;
  /** Starts its processes one after another, each reported as soon as it runs. */
  start(ports: Ports, started: (group: ProcessGroup) => void): Promise<void>;
  /** Whether it answers as it should; rejects or is false while it does not. */
  answers(ports: Ports): Promise<boolean>;
};

export type LaunchedServer = {
  ports: Ports;
  how: 'adopted' | 'started';
  groups: readonly ProcessGroup[];
  /** Ends all its processes; `signal: 'SIGKILL'` at once and without a clean end. */
  stop(options?: {signal?: NodeJS.Signals}): Promise<void>;
};

const STOP_PATIENCE_MS = 15_000;

/**
 * Gives a running server: the one that an earlier launcher left (by its record, if it is the same program and answers),
 * else a new one, after what is left of the old one has been ended. Rejects, with the end of the server's log, when it
 * exits or does not answer within `patience` ms; nothing stays running then.
 */
export async function launchServer({program, recordFile, patience = 60_000, log}: {
  program: ServerProgram; recordFile: string; patience?: number; log: (line: string) => void;
}): Promise<LaunchedServer> {
  const earlier = readServerRecord(recordFile);
  if (earlier !== undefined && earlier.groups.length > 0) {
    const alive = earlier.groups.every(groupLives);
    if (alive && earlier.recipe === program.recipe && await answersSoon(program, earlier.ports)) {
      return {ports: earlier.ports, how: 'adopted', groups: earlier.groups, stop: stopper(earlier.groups, recordFile)};
    }
    if (earlier.groups.some(groupLives)) log(`replacing the ${program.name} that an earlier start left`);
    await stopper(earlier.groups, recordFile)();
  }
  const ports: Ports = {};
  for (const name of program.portNames) ports[name] = await freePort(earlier?.ports[name]);
  const groups: ProcessGroup[] = [];
  const stop = stopper(groups, recordFile);
  try {
    await program.start(ports, (group) => {
      groups.push(group);
      writeServerRecord(recordFile, {groups, ports, recipe: program.recipe});
    });
    await untilItAnswers({program, ports, groups, patience});
  } catch (error) {
    await stop({signal: 'SIGKILL'});
    throw error;
  }
  return {ports, how: 'started', groups, stop};
}

async function untilItAnswers({program, ports, groups, patience}: {
  program: ServerProgram; ports: Ports; groups: readonly ProcessGroup[]; patience: number;
}): Promise<void> {
  const deadline = performance.now() + patience;
  while (!await program.answers(ports).catch(() => false)) {
    const ended = !groups.every(groupLives);
    if (ended || performance.now() > deadline) {
      const what = ended ? 'ended while starting' : `did not answer within ${patience / 1000} s`;
      throw new Error(`${program.name} ${what}; the end of ${program.logFile}:\n${tail(program.logFile)}`);
    }
    await delay(50);
  }
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
  return async ({signal = 'SIGTERM'} = {}) => {
    for (const group of groups.toReversed()) await stopGroup(group, {patience: STOP_PATIENCE_MS, signal});
    forgetServerGroups(recordFile);
  };
}

function tail(file: string): string {
  return existsSync(file) ? lastLines(readFileSync(file, 'utf8'), 15) : '(no log)';
}
