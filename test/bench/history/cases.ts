import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory, provideMongod } from '@gleaner/standalone';
import { withStorage } from '../../../services/storage/src/testing/withStorage.ts';
import { playManyHistories } from '../../support/historyCase.ts';

// node test/bench/history/cases.ts [cases] [seed]: the property of test/historyProperty.test.ts, on a mongod of its own, as often as you like.
const cases = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 30));
const atOnce = 500;
const directory = mkdtempSync(join(tmpdir(), 'gleaner-history-cases-'));
const server = await provideMongod({ directory, cache: cacheDirectory(), log: () => undefined, cacheGiB: 0.5 });
try {
  for (let done = 0; done < cases; done += atOnce) {
    const began = performance.now();
    await withStorage((test) => playManyHistories(test, { cases: Math.min(atOnce, cases - done), lanes: 8, seed: seed + done }), { server: { url: server.url, databaseName: `cases_${done}` } });
    process.stdout.write(`${Math.min(cases, done + atOnce)} cases, seed ${seed + done}, ${Math.round((performance.now() - began) / 1_000)} s\n`);
  }
} finally {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}
