import type { RunAnswer } from '@gleaner/contracts';
import { until } from '../support/until.ts';
import { makeScene } from './scene.ts';

// How much more four collectors do than one on an upstream that takes 200 ms to answer. Prints runs a second and the ratio.
const DELAY_MS = 200;
const JOBS = 64;
const concurrency = Number(process.env['COLLECTOR_CONCURRENCY'] ?? 8);

// More than the collectors can do, so that politeness does not hold them.
const scene = await makeScene({ ORIGIN_CONCURRENCY: '256' });
const { compose, api, upstream, putJob, askRuns, healthy, clean } = scene;
const jobs = Array.from({ length: JOBS }, (_, index) => `job-${index}`);

async function measure(collectors: number): Promise<number> {
  await compose.run(['up', '-d', '--wait', '--no-recreate', '--scale', `collector=${collectors}`]);
  await healthy('collector', collectors);
  await askRuns(jobs, JOBS); // warm: connections, compiled jobs
  await ended();
  // All due at one moment: asked for one by one, they would be as many a second as the gateway takes in.
  const due = Array.from({ length: concurrency * collectors * 20 }, (_, index) => `due-${collectors}-${index}`);
  const at = new Date(Date.now() + 10_000 + due.length * 30).toISOString();
  for (const job of due) await api.ask('PUT', `/v1/jobs/${job}`, { source: { http: { url: `http://upstream:8090/feed/${job}?size=2` } }, key: 'id', schedule: { at } });
  const answers: RunAnswer[] = [];
  for (const job of due) {
    answers.push(await until(async () => {
      const [run] = (await api.ask<{ runs: RunAnswer[] }>('GET', `/v1/runs?job=${job}&limit=1`)).runs;
      return run?.endedAt === undefined ? undefined : run;
    }, { timeout: 180_000, interval: 250, what: `the run of ${job} having ended` }));
  }
  const bad = answers.filter(({ state }) => state !== 'succeeded');
  if (bad.length > 0) throw new Error(`expected every run to succeed; ${bad.length} did not, the first is ${JSON.stringify(bad[0])}`);
  const first = Math.min(...answers.map(({ publishedAt = '' }) => Date.parse(publishedAt)));
  const last = Math.max(...answers.map(({ endedAt = '' }) => Date.parse(endedAt)));
  const rate = answers.length / ((last - first) / 1_000);
  process.stdout.write(`${collectors} collector(s) × ${concurrency} at once: ${answers.length} runs in ${last - first} ms, ${rate.toFixed(1)}/s of ${(concurrency * collectors * 1_000) / DELAY_MS}/s that the upstream allows\n`);
  return rate;
}

async function ended(): Promise<void> {
  await until(async () => (await api.ask<{ runs: unknown[] }>('GET', '/v1/runs?state=due,queued,running,retrying&limit=1')).runs.length === 0, { timeout: 180_000, interval: 100, what: 'all runs having ended' });
}

try {
  await clean();
  await compose.run(['build', 'gateway'], { timeoutMs: 420_000 });
  await compose.run(['up', '-d', '--wait']);
  for (const job of jobs) await putJob(job, {});
  await upstream({ delayMs: DELAY_MS });
  const one = await measure(1);
  const four = await measure(4);
  process.stdout.write(`ratio ${(four / one).toFixed(2)}\n`);
} finally {
  await clean();
  scene.forgetSecrets();
}
