import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { spawnPeer } from './spawnPeer.ts';

/** A peer that is its own process and answers each line of JSON with one. */
export interface LinePeer {
  readonly pid: number;
  /** One order at a time; rejects with the peer's words when it fails or ends. */
  readonly ask: (order: object) => Promise<Record<string, unknown>>;
  readonly end: () => Promise<void>;
}

/** Starts it and waits for its first line. */
export async function startLinePeer({ command, args, env, directory }: {
  readonly command: string; readonly args: readonly string[]; readonly env: Readonly<Record<string, string>>; readonly directory: string;
}): Promise<LinePeer> {
  const child = spawnPeer(command, args, { cwd: directory, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const words = keepLastWords(child);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('expected a peer whose input and output are piped');
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<Record<string, unknown>> => {
    const line = await lines.next();
    if (line.done) throw new Error(`${command} ${args.join(' ')} ended: ${words()}`);
    const value = JSON.parse(line.value) as Record<string, unknown>;
    if (value['error'] !== undefined) throw new Error(`${args.join(' ')}: ${String(value['error'])}; ${words()}`);
    return value;
  };
  await nextLine();
  return {
    pid: child.pid ?? 0,
    ask: async (order) => {
      stdin.write(`${JSON.stringify(order)}\n`);
      return await nextLine();
    },
    end: () => endChild(child),
  };
}

/** What a child wrote to its standard error last; its pipe is read so that it never fills. */
export function keepLastWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => { text = `${text}${chunk.toString()}`.slice(-4_000); });
  return () => text.trim();
}

/** The first thing that a child says; rejects when it ends before. */
export async function firstOutput(child: ChildProcess): Promise<string> {
  const words = keepLastWords(child);
  if (!child.stdout) throw new Error('expected a child whose output is piped');
  const ended = once(child, 'exit').then(() => { throw new Error(`a peer ended before it said anything: ${words()}`); });
  const [chunk] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  ended.catch(() => undefined); // it ends some day, which is no fault any more
  return chunk.toString();
}

/** Closes its standard input, then SIGTERM, then SIGKILL; resolves when it is gone. */
export async function endChild(child: ChildProcess, patienceMs = 5_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.stdin?.end();
  const gentle = setTimeout(() => child.kill('SIGTERM'), 500);
  const harsh = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  await gone;
  clearTimeout(gentle);
  clearTimeout(harsh);
}
