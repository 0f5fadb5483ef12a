import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, statSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { shortLogLine } from './shortLogLine.ts';

/** A program of ours that runs as a process beside the launcher and is started again when it ends by itself. */
export type ServiceProcess = {
  readonly name: string;
  readonly healthPath: string | undefined;
  /** What `announces` caught last: the address that the running process told; undefined until it did. */
  readonly address: () => string | undefined;
  /** How often it ended by itself since it was last ready, and why it did so last. */
  readonly trouble: () => { ends: number; why: string };
  /** SIGTERM, and SIGKILL after `patience` ms; resolves when it is gone. */
  stop(patience: number): Promise<void>;
};

export type ServiceSpec = {
  name: string;
  entry: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Its group 1 is the address in the line that says that it runs. */
  announces: RegExp;
  /** What answers 200 there once it is ready; without it the line is enough. */
  healthPath?: string;
  /** For a line that is neither log nor announcement. */
  say: (line: string) => void;
};

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const STEADY_AFTER_MS = 60_000;
const LOG_BYTES = 10 * 2 ** 20;

/**
 * Starts a service and keeps it running: when it ends it is started again after 0.5 s, doubling to 30 s, and `say` says
 * so. It ends when the launcher does, by its stdin.
 */
export function keepService({ name, entry, env, logFile, announces, healthPath, say }: ServiceSpec): ServiceProcess {
  let address: string | undefined;
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let trouble = { ends: 0, why: '' };
  let waitMs = FIRST_WAIT_MS;
  /** What the running process said of its own end. */
  let complaint = '';
  const log = openLog(logFile);

  const start = (): void => {
    const startedAt = performance.now();
    // A session of its own: Ctrl-C in a terminal is for the launcher, which ends the services in order.
    const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry], {
      env: { ...env, GLEANER_PARENT_PIPE: '1' }, stdio: ['pipe', 'pipe', 'pipe'], detached: true,
    });
    child = started;
    started.stdin.on('error', () => { /* it ended; 'exit' tells */ });
    started.once('error', (error) => { say(`${name} cannot be started: ${error.message}`); });
    createInterface({ input: started.stdout }).on('line', (line) => { hear(line); });
    complaint = '';
    createInterface({ input: started.stderr }).on('line', (line) => {
      log.write(`${line}\n`);
      // Of a stack trace, the line that names the error is the one to show.
      if (line.trim() !== '' && !/Error|^fatal/.test(complaint)) complaint = line.trim();
    });
    started.once('close', (code, signal) => {
      address = undefined;
      child = undefined;
      if (stopping) return;
      const why = `${signal ?? `exit ${code}`}${complaint === '' ? '' : `: ${complaint}`}`;
      trouble = { ends: trouble.ends + 1, why };
      if (performance.now() - startedAt > STEADY_AFTER_MS) waitMs = FIRST_WAIT_MS;
      say(`${name} ended (${why}); starting it again in ${waitMs / 1000} s; its log is ${logFile}`);
      timer = setTimeout(start, waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    });
  };

  const hear = (line: string): void => {
    // A login link holds a key: it is told once, and kept in no file.
    if (!line.startsWith('login: ')) log.write(`${line}\n`);
    const told = announces.exec(line)?.[1];
    if (told !== undefined) {
      address = told;
      trouble = { ends: 0, why: '' };
    } else if (line.startsWith('{')) {
      const short = shortLogLine(line);
      if (short !== undefined) say(`${name}: ${short}`);
      if (short?.startsWith('fatal')) complaint = short;
    } else if (line !== '' && !line.startsWith('ready at ')) say(line);
  };

  start();
  return {
    name,
    healthPath,
    address: () => address,
    trouble: () => trouble,
    async stop(patience) {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running !== undefined) await ended(running, patience);
      await new Promise<void>((resolve) => { log.end(resolve); });
    },
  };
}

async function ended(child: ChildProcess, patience: number): Promise<void> {
  await new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve();
      return;
    }
    const timer = setTimeout(() => { child.kill('SIGKILL'); }, patience);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

/** One old log is kept, so that logs cannot fill the disk over many starts. */
function openLog(file: string): WriteStream {
  mkdirSync(dirname(file), { recursive: true });
  try {
    if (statSync(file).size > LOG_BYTES) renameSync(file, `${file}.1`);
  } catch {
    // no log yet
  }
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', () => { /* a full disk must not end the services */ });
  return stream;
}
