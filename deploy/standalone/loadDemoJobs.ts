import { readdirSync, readFileSync } from 'node:fs';
import { askedRunId, maxAttempts, parseJob } from '@gleaner/contracts';
import { insertRun, newRun, putJob } from '@gleaner/database';
import type { Database } from '@gleaner/database';
import { ulid } from 'ulid';
import { parse } from 'yaml';

const FOLDER = new URL('../demo/jobs/', import.meta.url);
/** Who put the sample jobs, and asked for their first runs. */
const DEMO = 'demo';

/**
 * Puts the sample jobs, their upstream being at `playback`, and asks for a first run of each, because their next fire
 * may be an hour away; the ids of those that are new or changed. A job that somebody
 * else has changed or deleted since stays as that one left it. Rejects with every fault of a sample that is no valid job.
 */
export async function loadDemoJobs({ database, playback, folder = FOLDER }: {
  database: Database; playback: string; folder?: URL;
}): Promise<string[]> {
  const loaded: string[] = [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort();
  for (const name of files) {
    const id = name.slice(0, -'.yaml'.length);
    const text = readFileSync(new URL(name, folder), 'utf8').replaceAll('http://playback', playback.replace(/\/$/, ''));
    const job = parseJob(id, parse(text));
    if (!job.ok) throw new Error(`deploy/demo/jobs/${name}: ${job.faults.map(({ path, message }) => `${path}: ${message}`).join('; ')}`);
    const last = await database.collections.revisions.findOne({ job: id }, { sort: { version: -1 } });
    if (last !== null && (last.by !== DEMO || last.what === 'deleted')) continue;
    const put = await putJob({ database, id, definition: job.definition, by: DEMO });
    if (!put.changed) continue;
    loaded.push(id);
    const now = database.clock.now();
    await insertRun({ database, run: newRun({
      id: askedRunId(id, ulid(now.getTime())), job: put.job, trigger: 'manual', scheduledAt: now, now,
      maxAttempts: maxAttempts(job.definition), extra: { requestedBy: DEMO },
    }) });
  }
  return loaded;
}
