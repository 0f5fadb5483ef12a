import { exactJson } from '@gleaner/contracts';
import { Command, CommanderError, Option } from 'commander';
import { ApiError } from '../ApiError.ts';
import { createClient, type Client } from '../createClient.ts';
import { addDataCommands } from './dataCommands.ts';
import { addJobCommands } from './jobCommands.ts';
import { addLetterCommands } from './letterCommands.ts';
import { addRunCommands } from './runCommands.ts';
import type { CliContext } from './context.ts';
import { exitCodeOf, exitCodes, SilentExit, type ExitCode } from './exitCodes.ts';
import type { CliSurroundings } from './surroundings.ts';
import { table } from './table.ts';

export { exitCodes };

const exitCodeHelp = `
Exit codes: 0 done · 1 unexpected · 2 wrong command or file · 3 not found · 4 faults in a job or query · 5 conflict
            6 key missing, wrong or without the scope · 7 gateway unavailable · 8 the run waited for did not succeed`;

/** Runs one command line (without node and script); never throws, the exit code tells. */
export async function runCli(argv: readonly string[], io: CliSurroundings): Promise<ExitCode> {
  const program = new Command('gleaner')
    .description('Talks to a Gleaner gateway: jobs, runs, items of any moment, dead letters')
    .addOption(new Option('--url <url>', 'address of the gateway').env('GLEANER_URL').default('http://127.0.0.1:8080'))
    .addOption(new Option('--key <key>', 'key to the gateway').env('GLEANER_KEY'))
    .option('--json', 'print JSON for programs')
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .showHelpAfterError('(--help says more)');
  const context = contextOf(program, io);
  for (const add of [addJobCommands, addRunCommands, addDataCommands, addLetterCommands]) add(program, context);
  for (const command of allOf(program)) command.exitOverride().configureOutput({ writeOut: io.out, writeErr: io.err });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof SilentExit)) io.err(`${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];

function contextOf(program: Command, io: CliSurroundings): CliContext {
  let client: Client | undefined;
  const json = (): boolean => program.opts<{ json?: boolean }>().json === true;
  const setting = (name: 'url' | 'key', variable: string): string | undefined => {
    // Commander reads the process's own variables; these come from the surroundings.
    const source = program.getOptionValueSource(name);
    return source === 'cli' ? program.opts<Record<string, string>>()[name] : (io.variables[variable] ?? (source === 'env' ? undefined : program.opts<Record<string, string>>()[name]));
  };
  return {
    io, json, table,
    client: () => (client ??= createClient({ url: setting('url', 'GLEANER_URL') ?? 'http://127.0.0.1:8080', key: setting('key', 'GLEANER_KEY'), ...(io.fetch ? { fetch: io.fetch } : {}) })),
    print: (data, people) => io.out(json() ? `${exactJson(data)}\n` : people()),
  };
}

function messageOf(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const { problem } = error;
  const faults = (problem.faults ?? []).map(({ path, message }) => `  ${path === '' ? '(whole)' : path}: ${message}`);
  const lines = faults.length > 0 ? [`${problem.title} (${problem.code})`, ...faults] : [`${problem.detail ?? problem.title} (${problem.code})`];
  if (problem.status === 401) lines.push('Give a key with --key or GLEANER_KEY.');
  return lines.join('\n');
}
