import { parseDuration, type RunAnswer, type RunState } from '@gleaner/contracts';
import type { Command } from 'commander';
import type { CliContext } from './context.ts';
import { exitCodes, SilentExit, UsageError } from './exitCodes.ts';
import { readParams } from './jobCommands.ts';
import { readMoment } from './readMoment.ts';
import { shown, shownTime } from './table.ts';

/** run, runs, cancel, retry, accept, reject, backfill, logs. */
export function addRunCommands(program: Command, context: CliContext): void {
  const { client, print, table, io } = context;
  const line = (run: RunAnswer): string => `${run.id} ${run.state}${run.reason === undefined ? '' : ` (${run.reason})`}${run.error ? `: ${run.error.class}: ${shown(run.error.message)}` : ''}${run.counts ? `: ${countsOf(run)}` : ''}\n`;

  program.command('run').description('run a job now').argument('<job>').option('--params <json>', 'params as a JSON object').option('--wait', 'wait until it has ended; exit 8 unless it succeeded').option('--timeout <time>', 'how long to wait', '10m')
    .action(async (job: string, options: { params?: string; wait?: boolean; timeout: string }) => {
      const timeoutMs = parseDuration(options.timeout);
      if (timeoutMs === undefined) throw new UsageError(`expected a duration such as 5m in --timeout; saw ${JSON.stringify(options.timeout)}`);
      const run = await client().startRun(job, options.params === undefined ? {} : { params: readParams(options.params) });
      if (!options.wait) return print(run, () => line(run));
      const ended = await client().waitForRun(run.id, { timeoutMs, signal: io.signal });
      if (ended === undefined) {
        io.err(`${run.id} had not ended after ${options.timeout}; it goes on\n`);
        throw new SilentExit(exitCodes.runFailed);
      }
      print(ended, () => line(ended));
      if (ended.state !== 'succeeded' && ended.state !== 'unchanged') throw new SilentExit(exitCodes.runFailed);
    });

  program.command('runs').description('the ledger: runs, and fires that had none with the reason').argument('[job]').option('--state <states>', 'states between commas').option('--since <moment>').option('--limit <n>', 'how many', '20')
    .action(async (job: string | undefined, { state, since, limit }: { state?: string; since?: string; limit: string }) => {
      const answer = await client().listRuns({ job, limit: Number(limit), state: state?.split(',') as RunState[] | undefined, since: since === undefined ? undefined : readMoment(since, io.now()) });
      print(answer, () => table(['RUN', 'STATE', 'WHY', 'ENDED', 'TRIES', 'RESULT'], answer.runs.map((run) => [run.id, run.state, run.reason ?? run.held ?? run.error?.class, shownTime(run.endedAt), run.attempts, run.error?.message ?? countsOf(run)])));
    });

  program.command('cancel').description('cancel a run').argument('<run>').action(async (run: string) => {
    await client().cancelRun(run);
    print({ id: run, state: 'cancelled' }, () => `${run} cancelled\n`);
  });
  program.command('retry').description('give a failed run another chance').argument('<run>').action(async (run: string) => {
    const answer = await client().retryRun(run);
    print(answer, () => line(answer));
  });
  program.command('accept').description('take a quarantined snapshot as good').argument('<run>').action(async (run: string) => {
    const answer = await client().acceptRun(run);
    print(answer, () => `${answer.id} accepted\n`);
  });
  program.command('reject').description('turn a quarantined snapshot down').argument('<run>').action(async (run: string) => {
    const answer = await client().rejectRun(run);
    print(answer, () => `${answer.id} rejected\n`);
  });

  program.command('backfill').description('run the fires of a past stretch that have no good run').argument('<job>').requiredOption('--from <moment>').requiredOption('--to <moment>').option('--dry-run', 'only say how many')
    .action(async (job: string, { from, to, dryRun }: { from: string; to: string; dryRun?: boolean }) => {
      const answer = await client().backfill(job, { from: readMoment(from, io.now()), to: readMoment(to, io.now()), ...(dryRun ? { dryRun } : {}) });
      print(answer, () => (dryRun ? `${answer.fires} fires, ${answer.fires - answer.there} without a good run\n` : `${answer.fires} fires, ${answer.made} runs made\n`));
    });

  program.command('logs').description('what happens: the newest runs, with -f live events').argument('[job]').option('-f, --follow', 'go on until interrupted').option('--limit <n>', 'runs to begin with', '20')
    .action(async (job: string | undefined, { follow, limit }: { follow?: boolean; limit: string }) => {
      const { runs } = await client().listRuns({ job, limit: Number(limit) });
      for (const run of runs.toReversed()) io.out(context.json() ? `${JSON.stringify(run)}\n` : `${shownTime(run.endedAt ?? run.startedAt ?? run.scheduledAt)}  ${line(run)}`);
      if (!follow) return;
      for await (const event of client().events({ job, signal: io.signal })) {
        if (context.json()) io.out(`${JSON.stringify(event)}\n`);
        else if (event.kind === 'run') io.out(`${shownTime(event.at)}  ${event.run} ${event.state}\n`);
        else if (event.kind === 'job') io.out(`${shownTime(event.at)}  job ${event.job} ${event.what}\n`);
        else io.err('(some events may be missing here)\n');
      }
    });
}

const countsOf = ({ counts }: RunAnswer): string => (counts ? `${counts.kept} items, +${counts.added} ~${counts.changed} -${counts.removed}` : '');
