import type { JobAnswer } from '@gleaner/contracts';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { ApiError } from '../ApiError.ts';
import type { CliContext } from './context.ts';
import { exitCodeOf, SilentExit, UsageError, type ExitCode } from './exitCodes.ts';
import { readJobFiles } from './readJobFiles.ts';
import { readMoment } from './readMoment.ts';
import { shown, shownTime } from './table.ts';

/** What GET adds and nobody writes in a job file. */
const added = ['version', 'paused', 'nextFire', 'lastRun', 'lastSuccessAt', 'itemCount', 'health', 'createdAt', 'changedAt', 'links', 'warnings'];

/** apply, get, delete, pause, resume, fires, simulate, try. */
export function addJobCommands(program: Command, context: CliContext): void {
  const { client, print, table, io } = context;

  program.command('apply').description('create or replace jobs from files or folders (YAML or JSON)')
    .requiredOption('-f, --file <path...>', 'files or folders; - is standard input')
    .action(async ({ file }: { file: string[] }) => {
      const rows: { job: string; result: string; version?: number; warnings?: readonly unknown[] }[] = [];
      let worst: ExitCode = 0;
      for (const job of await readJobFiles(file, io)) {
        try {
          const before = await client().getJob(job.id).catch((error: unknown) => {
            if (error instanceof ApiError && error.status === 404) return undefined;
            throw error;
          });
          const { job: after, created } = await client().putJobText(job.id, job.text, job.type);
          rows.push({ job: job.id, result: created ? 'created' : before?.version === after.version ? 'unchanged' : 'changed', version: after.version, ...(after.warnings ? { warnings: after.warnings } : {}) });
          for (const { path, message } of after.warnings ?? []) io.err(`${job.path}: warning: ${path}: ${message}\n`);
        } catch (error) {
          // The other files are applied all the same: all faults are seen at once.
          if (!(error instanceof ApiError) || (error.status !== 422 && error.status !== 400)) throw error;
          rows.push({ job: job.id, result: 'faults' });
          for (const { path, message } of error.problem.faults ?? [{ path: '', message: error.message }]) io.err(`${job.path}: ${path === '' ? '' : `${path}: `}${message}\n`);
          worst = exitCodeOf(error);
        }
      }
      print(rows, () => table(['JOB', 'RESULT', 'VERSION'], rows.map(({ job, result, version }) => [job, result, version])));
      if (worst !== 0) throw new SilentExit(worst);
    });

  program.command('get').description('list jobs, or print one as a job file').argument('[job]').option('--limit <n>', 'jobs to list', '100')
    .action(async (job: string | undefined, { limit }: { limit: string }) => {
      if (job !== undefined) {
        const answer = await client().getJob(job);
        print(answer, () => stringify(Object.fromEntries(Object.entries(answer).filter(([name]) => !added.includes(name)))));
        return;
      }
      const answer = await client().listJobs({ limit: Number(limit) });
      print(answer, () => table(['JOB', 'HEALTH', 'ITEMS', 'LAST RUN', 'LAST SUCCESS', 'NEXT FIRE'], answer.jobs.map((one) => [one.id, one.health, one.itemCount, one.lastRun?.state, shownTime(one.lastSuccessAt), shownTime(one.nextFire)])));
    });

  program.command('delete').description('delete jobs').argument('<job...>').action(async (jobs: string[]) => {
    for (const job of jobs) await client().deleteJob(job);
    print(jobs.map((job) => ({ job, result: 'deleted' })), () => jobs.map((job) => `${job} deleted\n`).join(''));
  });

  for (const [name, description, done] of [['pause', 'stop firing until resumed', 'paused'], ['resume', 'go on with the next fire', 'resumed']] as const)
    program.command(name).description(description).argument('<job...>').action(async (jobs: string[]) => {
      const answers: JobAnswer[] = [];
      for (const job of jobs) answers.push(name === 'pause' ? await client().pauseJob(job) : await client().resumeJob(job));
      print(answers, () => answers.map((job) => `${job.id} ${done}\n`).join(''));
    });

  program.command('fires').description('the coming fires of a job').argument('<job>').option('--count <n>', 'how many', '20').option('--from <moment>', 'after this moment; default now')
    .action(async (job: string, { count, from }: { count: string; from?: string }) => {
      const answer = await client().listFires(job, { count: Number(count), ...(from === undefined ? {} : { from: readMoment(from, io.now()) }) });
      print(answer, () => table(['FIRE', 'NOTE'], answer.fires.map(({ at, note }) => [shownTime(at), note])));
    });

  program.command('simulate').description('run jobs on a virtual clock: fires, overlaps, requests per origin')
    .option('-f, --file <path...>', 'files or folders of jobs; default the jobs that there are')
    .option('--from <moment>', 'default now').option('--to <moment>', 'default a day later').option('--duration <time>', 'how long a run is taken to last', '30s').option('--fires', 'list every fire')
    .action(async (options: { file?: string[]; from?: string; to?: string; duration: string; fires?: boolean }) => {
      const jobs = options.file && (await readJobFiles(options.file, io)).map(({ value }) => value);
      const moment = (text: string | undefined): string | undefined => (text === undefined ? undefined : readMoment(text, io.now()));
      const answer = await client().simulate({ jobs, from: moment(options.from), to: moment(options.to), duration: options.duration });
      print(answer, () => [
        `${shownTime(answer.from)} to ${shownTime(answer.to)}, every run taking ${options.duration}${answer.truncated ? ' (cut short: too many fires)' : ''}\n\n`,
        table(['JOB', 'FIRES', 'RUNS', 'SKIPPED', 'OVERLAPS', 'AT ONCE'], answer.jobs.map((job) => [job.job, job.fires, job.runs, job.skipped, job.overlaps, job.mostAtOnce])),
        '\n', table(['ORIGIN', 'REQUESTS', 'MOST A MINUTE', 'AT'], answer.origins.map((one) => [one.origin, one.requests, one.mostPerMinute, shownTime(one.busiestMinute)])),
        ...(options.fires ? ['\n', table(['FIRE', 'JOB', 'OUTCOME', 'STARTS', 'NOTE'], answer.fires.map((fire) => [shownTime(fire.at), fire.job, fire.outcome, shownTime(fire.startsAt), fire.note]))] : []),
      ].join(''));
    });

  program.command('try').description('fetch and extract now with a job file, and store nothing')
    .requiredOption('-f, --file <path>', 'the job; - is standard input').option('--sample <n>', 'items to show', '10').option('--params <json>', 'params as a JSON object')
    .action(async ({ file, sample, params }: { file: string; sample: string; params?: string }) => {
      const [job] = await readJobFiles([file], io);
      if (!job) return;
      const answer = await client().tryJob(job.text, job.type, { sample: Number(sample), params: params === undefined ? undefined : readParams(params) });
      print(answer, () => [
        `${answer.ok ? 'ok' : 'FAILED'}: ${answer.requests} request${answer.requests === 1 ? '' : 's'}${answer.request.status === undefined ? '' : `, status ${answer.request.status}`}, ${answer.request.bytes} bytes, ${answer.request.durationMs} ms; ${answer.counts.received} found, ${answer.counts.kept} kept${answer.counts.duplicates > 0 ? `, ${answer.counts.duplicates} with the key of another` : ''}\n`,
        ...answer.faults.map(({ path, code, message }) => `  ${code}: ${path === '' ? '' : `${path}: `}${message}\n`),
        ...(answer.sample.length > 0 ? ['\n', table(['KEY', 'DATA'], answer.sample.map(({ key, data }) => [key, data]), { maxWidth: 110 })] : []),
        ...(answer.answer?.body === undefined ? [] : [`\nthe answer (${answer.answer.headers?.['content-type'] ?? 'no content-type'}) began with:\n`, ...answer.answer.body.slice(0, answer.ok ? 300 : 1_000).split('\n').map((line) => `  ${shown(line)}\n`)]),
      ].join(''));
      if (!answer.ok) throw new SilentExit(8);
    });
}

/** A JSON object given on the command line. */
export function readParams(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // said below: it is no JSON object
  }
  throw new UsageError(`expected a JSON object such as {"day": "2026-11-20"}; saw ${JSON.stringify(text)}`);
}
