import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ExitCode } from './exitCodes.ts';
import type { CliSurroundings } from './surroundings.ts';
import { runCli } from './runCli.ts';

/** Runs the command line of this process; `variables` are its environment. */
export async function main({ variables }: Pick<CliSurroundings, 'variables'>): Promise<ExitCode> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  // `gleaner items … | head` closes the pipe: that is no error.
  process.stdout.on('error', () => process.exit(0));
  return await runCli(process.argv.slice(2), {
    variables,
    out: (part) => void process.stdout.write(part),
    err: (part) => void process.stderr.write(part),
    readText: async (path) => (path === '-' ? await text(process.stdin) : await readFile(path, 'utf8')),
    // What is not there, or may not be looked at, is no folder: whoever reads it as a file then says so.
    listFolder: async (path) => (path !== '-' && (await stat(path).catch(() => undefined))?.isDirectory() ? await filesBelow(path) : undefined),
    now: () => new Date(),
    signal: interrupted.signal,
  });
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name)).sort();
}
