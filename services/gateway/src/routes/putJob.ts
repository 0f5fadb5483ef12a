import { jobDefinitionSchema, type Fault, type JobDefinition } from '@gleaner/contracts';
import { jobSchema } from '@gleaner/contracts/answers';
import { findJob, putJob as writeJob, type ClientSession, type Database } from '@gleaner/database';
import { findAfterCycle, parentsOf } from '@gleaner/schedule';
import { z } from 'zod';
import { jobAnswer } from '../core/jobAnswer.ts';
import { jobEtag, versionOfIfMatch } from '../core/jobEtag.ts';
import { jobWarnings, mentionedJobs } from '../core/jobWarnings.ts';
import { ProblemError } from '../core/problem.ts';
import { readJob } from '../core/readJob.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { readJobFacts } from '../readJobFacts.ts';

export const putJob = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'PUT', path: '/v1/jobs/:job', scope: 'write', tag: 'jobs', summary: 'Create or replace a job, in JSON or YAML',
    params: z.strictObject({ job: z.string() }),
    body: z.unknown(), bodyRules: { yaml: true }, bodyDoc: jobDefinitionSchema,
    headers: { 'If-Match': 'Only if the job is still at this version (its ETag); `*` = only if it exists.', 'If-None-Match': '`*` = only if there is no such job.' },
    answers: {
      200: { description: 'Replaced, or the same already.', schema: jobSchema },
      201: { description: 'Created.', schema: jobSchema },
      412: { description: 'The job is at another version.' },
      422: { description: 'The job has faults: all of them, with their paths.' },
    },
    audit: { action: 'job.put', target: ({ params }) => params['job'] ?? '' },
    handle: async ({ params: { job: id }, body, header, principal }) => {
      const read = readJob(id, body);
      const readable = read.ok ? read.definition : read.readable;
      const faults = [...(read.ok ? [] : read.faults), ...(readable ? await cycleFaults({ database, id, definition: readable }) : [])];
      if (!read.ok || faults.length > 0) throw badJob(faults);
      await expectPrecondition({ database, id, ifMatch: header('if-match'), ifNoneMatch: header('if-none-match') });
      const ifVersion = versionOfIfMatch(header('if-match'));
      const { job, created, changed } = await writeJob({ database, id, definition: read.definition, by: principal.name, ...(ifVersion === undefined ? {} : { ifVersion }), expect: (session) => expectNoCycle({ database, id, definition: read.definition, session }) });
      if (changed) messenger.announceJob({ job: id, version: job.version, what: 'changed' });
      const known = await knownJobs({ database, ids: mentionedJobs(read.definition) });
      const facts = await readJobFacts({ database, jobs: [job] });
      const answer = jobAnswer({ job, facts: facts.get(id) ?? {}, now: database.clock.now(), warnings: jobWarnings({ definition: read.definition, knows: (name) => name === id || known.has(name) }) });
      return json(answer, { status: created ? 201 : 200, headers: { etag: jobEtag(job.version), ...(created ? { location: `/v1/jobs/${id}` } : {}) } });
    },
  });

const badJob = (faults: readonly Fault[]): ProblemError => new ProblemError('bad_job', faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '), { faults });

interface Proposed {
  readonly database: Database;
  readonly id: string;
  readonly definition: JobDefinition;
}

/** Of two that would close a cycle together the second sees the first one's job, because both write the same document. Rejects with what a cycle found before is told with. */
async function expectNoCycle({ session, ...proposed }: Proposed & { readonly session: ClientSession }): Promise<void> {
  if (parentsOf(proposed.definition.schedule).length === 0) return;
  // The write makes one of two transactions start over; what it writes says nothing.
  await proposed.database.db.collection<{ _id: string; n: number }>('meta').updateOne({ _id: 'after' }, { $inc: { n: 1 } }, { upsert: true, session });
  const faults = await cycleFaults({ ...proposed, session });
  if (faults.length > 0) throw badJob(faults);
}

/** Beside what is wrong with the job itself: a cycle of jobs that fire each other. */
async function cycleFaults({ database, id, definition, session }: Proposed & { readonly session?: ClientSession }): Promise<Fault[]> {
  if (parentsOf(definition.schedule).length === 0) return [];
  const others = await database.collections.jobs
    .find({ deleted: { $exists: false }, $or: [{ 'definition.schedule.after': { $exists: true } }, { 'definition.schedule.any': { $exists: true } }] }, { projection: { 'definition.schedule': 1 }, ...(session ? { session } : {}) })
    .toArray();
  const schedules = new Map(others.map((job) => [job._id, job.definition.schedule]));
  const cycle = findAfterCycle({ job: id, schedule: definition.schedule, scheduleOf: (job) => schedules.get(job) });
  return cycle ? [{ path: 'schedule', code: 'after_cycle', message: `expected no cycle of jobs that fire each other; saw ${cycle.join(' after ')}` }] : [];
}

async function expectPrecondition({ database, id, ifMatch, ifNoneMatch }: { readonly database: Database; readonly id: string; readonly ifMatch: string | undefined; readonly ifNoneMatch: string | undefined }): Promise<void> {
  if (ifMatch?.trim() !== '*' && ifNoneMatch === undefined) return;
  const exists = (await findJob({ database, id })) !== null;
  if (ifMatch?.trim() === '*' && !exists) throw new ProblemError('version_conflict', `expected the job ${id} to exist (If-Match: *); it does not`);
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') throw new ProblemError('bad_header', `expected If-None-Match: * or none; saw ${JSON.stringify(ifNoneMatch)}`);
  if (ifNoneMatch !== undefined && exists) throw new ProblemError('version_conflict', `expected no job ${id} (If-None-Match: *); there is one`);
}

async function knownJobs({ database, ids }: { readonly database: Database; readonly ids: readonly string[] }): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const found = await database.collections.jobs.find({ _id: { $in: [...ids] }, deleted: { $exists: false } }, { projection: { _id: 1 } }).toArray();
  return new Set(found.map(({ _id }) => _id));
}
