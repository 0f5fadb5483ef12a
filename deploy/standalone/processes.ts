import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from './hasCode.ts';

/** A process group that this launcher, or one before it, started: its leader's pid and the moment the kernel says it was born. */
export type ProcessGroup = { pid: number; born: string };

type ProcessRow = { pid: number; group: number; dead: boolean; born: string };

const SIGNAL_AGAIN_MS = 2_000;

/**
 * Starts `command` as the leader of its own session, its output appended to `logFile`, so that neither Ctrl-C in the
 * terminal nor the launcher's death reaches it. Rejects when the command cannot be executed.
 */
export async function spawnGroup({ command, args, env, logFile, directory }: {
  command: string; args: readonly string[]; env: NodeJS.ProcessEnv; logFile: string; directory: string;
}): Promise<ProcessGroup> {
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(command, args, { cwd: directory, env, detached: true, stdio: ['ignore', log, log] });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => { reject(new Error(`cannot run ${command}`, { cause })); });
    });
    child.unref();
    const pid = child.pid ?? 0;
    return { pid, born: rowOf(pid)?.born ?? '' };
  } finally {
    closeSync(log);
  }
}

/**
 * Whether any process of the group still runs. A pid that the kernel gave to somebody else meanwhile is told by its
 * birth; a pid cannot be given away while members of its group live. Zombies count as ended.
 */
export function groupLives(group: ProcessGroup): boolean {
  const rows = processRows().filter((row) => row.group === group.pid);
  const leader = rows.find((row) => row.pid === group.pid);
  if (leader !== undefined && group.born !== '' && leader.born !== group.born) return false;
  return rows.some((row) => !row.dead);
}

/**
 * Ends the group: SIGTERM to its leader, again every 2 s (a program that has only just begun may lose one), and SIGKILL to
 * all of it after `patience` ms. A group that is gone already is no error.
 */
export async function stopGroup(group: ProcessGroup, { patience, signal = 'SIGTERM' }: {
  patience: number; signal?: NodeJS.Signals;
}): Promise<void> {
  if (!groupLives(group)) return;
  send(signal === 'SIGKILL' ? -group.pid : group.pid, signal);
  const deadline = performance.now() + patience;
  let again = performance.now() + SIGNAL_AGAIN_MS;
  while (groupLives(group)) {
    if (performance.now() > again) {
      again += SIGNAL_AGAIN_MS;
      send(group.pid, signal);
    }
    if (performance.now() > deadline) {
      send(-group.pid, 'SIGKILL');
      if (performance.now() > deadline + 5_000) throw new Error(`process group ${group.pid} did not end by SIGKILL`);
    }
    await delay(25);
  }
}

/** Whether a process with this pid runs (a zombie does not). */
export function processLives(pid: number): boolean {
  const row = rowOf(pid);
  return row !== undefined && !row.dead;
}

/** When the kernel says the process was born, as an opaque text; empty when there is none such. */
export function birthOf(pid: number): string {
  return rowOf(pid)?.born ?? '';
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
    // It ended between the look and the signal, which is what was wanted.
  }
}

function rowOf(pid: number): ProcessRow | undefined {
  if (process.platform === 'linux') return linuxRow(pid);
  return processRows().find((row) => row.pid === pid);
}

function processRows(): ProcessRow[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc').flatMap((name) => {
      const row = /^\d+$/.test(name) ? linuxRow(Number(name)) : undefined;
      return row === undefined ? [] : [row];
    });
  }
  const table = execFileSync('ps', ['-axo', 'pid=,pgid=,stat=,lstart='], { encoding: 'utf8' });
  return table.split('\n').flatMap((line) => {
    const [pid, group, stat, ...born] = line.trim().split(/\s+/);
    if (pid === undefined || group === undefined || stat === undefined) return [];
    return [{ pid: Number(pid), group: Number(group), dead: stat.startsWith('Z'), born: born.join(' ') }];
  });
}

function linuxRow(pid: number): ProcessRow | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // ended between listing and reading
  }
  // The name in parentheses may hold spaces and parentheses itself; what follows its last one does not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? 'Z';
  return { pid, group: Number(fields[2]), dead: state === 'Z' || state === 'X', born: fields[19] ?? '' };
}
