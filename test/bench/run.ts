import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { RowResult } from './core/finding.ts';
import { renderResults } from './core/renderResults.ts';
import type { Bench } from './parts/bench.ts';
import { describeMachine } from './parts/describeMachine.ts';
import { startServers } from './parts/startServers.ts';
import { rows } from './rows/index.ts';

// npm run bench [-- [--quick] [row …]]: measures the rows named (all without a name), prints what it finds, and keeps it in results.json and results.md.
// --quick does everything once and small, to see that it works; its figures mean nothing and are not kept.
const folder = import.meta.dirname;
const log = (line: string): void => { process.stdout.write(`${line}\n`); };
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const unknown = [...names.filter((name) => !rows.some((row) => row.name === name)), ...flags.filter((flag) => flag !== '--quick')];

if (unknown.length > 0) {
  log(`unknown: ${unknown.join(', ')}\nusage: npm run bench [-- [--quick] [row …]], rows: ${rows.map(({ name }) => name).join(', ')}`);
  process.exitCode = 2;
} else {
  process.exitCode = await measureRows();
}

async function measureRows(): Promise<number> {
  const quick = flags.includes('--quick');
  const servers = await startServers(log);
  // A bench that is ended early takes its servers along; its other children see their pipes close.
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= servers.stop());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().finally(() => process.exit(130)));
  let failed = 0;
  try {
    const bench: Bench = { servers, quick, pick: (full, small) => (quick ? small : full), log: (line) => log(`  ${line}`) };
    const machine = await describeMachine(servers);
    log(machine);
    for (const row of rows.filter(({ name }) => names.length === 0 || names.includes(name))) {
      log(`\n${row.name}: ${row.title}`);
      try {
        const findings = await row.run(bench);
        for (const { what, wanted, measured, beside, reached } of findings) log(`  → ${what}: ${measured}${wanted === '' ? '' : ` (wanted ${wanted}${reached === undefined ? '' : reached ? ', reached' : ', MISSED'})`}${beside === '' ? '' : ` | ${beside}`}`);
        if (!quick) keep(row.name, { machine, findings });
      } catch (error) {
        // One row that cannot be measured must not cost the others' figures; it is told again at the end.
        failed += 1;
        log(`  FAILED: ${inspect(error)}`);
      }
    }
  } finally {
    await stop();
  }
  if (failed > 0) log(`\n${failed} rows could not be measured`);
  return failed === 0 ? 0 : 1;
}

function keep(name: string, result: RowResult): void {
  const file = join(folder, 'results.json');
  const results = { ...(existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, RowResult>) : {}), [name]: result };
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(join(folder, 'results.md'), renderResults({ rows, results }));
}
