import { readdirSync, readFileSync } from 'node:fs';
import { parseJob } from '@gleaner/contracts';
import { putJob } from '@gleaner/database';
import type { Database } from '@gleaner/database';
import { parse } from 'yaml';

const FOLDER = new URL('../demo/jobs/', import.meta.url);
const BY = 'demo';

/**
 * Puts the sample jobs, their upstream being at `playback`; the ids of those that are new or changed. A job that somebody
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
    if (last !== null && (last.by !== BY || last.what === 'deleted')) continue;
    const { changed } = await putJob({ database, id, definition: job.definition, by: BY });
    if (changed) loaded.push(id);
  }
  return loaded;
}
