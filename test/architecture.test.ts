import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const top = join(import.meta.dirname, '..');

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    if (['node_modules', 'dist', '.gleaner', 'coverage'].includes(name)) return [];
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}
const all = ['libs', 'services', 'deploy', 'test'].flatMap((folder) => filesBelow(join(top, folder))).filter((path) => /\.(ts|mjs)$/.test(path));
const source = all.map((path) => ({ path: relative(top, path), text: readFileSync(path, 'utf8') }));
const shipped = source.filter(({ path }) => /^(libs|services)\//.test(path) && !path.endsWith('.test.ts') && !/\/(test|testing)\//.test(path));
const offenders = (files: typeof source, pattern: RegExp): string[] => files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

/** Rules that the linter has no word for; import direction, cycles and the homes of third-party packages are in .oxlintrc.json. */
describe('the tree', () => {
  it('reads the environment in one place', () => {
    expect(offenders(shipped.filter(({ path }) => !path.startsWith('libs/runtime/') && path !== 'libs/client/bin/gleaner.mjs'), /process\.env/)).toEqual([]);
  });
  it('settles messages in one place', () => {
    expect(offenders(shipped.filter(({ path }) => !path.startsWith('libs/broker/')), /\.(ack|nack|reject)\(\s*(message|delivery|msg)/)).toEqual([]);
  });
  it('declares queues and exchanges in libs/broker only, from the topology in libs/contracts', () => {
    expect(offenders(shipped.filter(({ path }) => !path.startsWith('libs/broker/')), /assertQueue|assertExchange|bindQueue/)).toEqual([]);
    expect(offenders(shipped.filter(({ path }) => path !== 'libs/contracts/src/topology.ts'), /['"`](gleaner\.(retry|dead|control|events)|store\.(dead|retry)|collect\.dead)/)).toEqual([]);
  });
  it('makes clients in main.ts only, in at most 60 lines', () => {
    for (const { path, text } of shipped.filter(({ path }) => /^services\/[^/]+\/src\/main\.ts$/.test(path))) expect({ path, lines: text.split('\n').length <= 61 }).toEqual({ path, lines: true });
    expect(offenders(shipped.filter(({ path }) => path.startsWith('services/') && !path.endsWith('/main.ts')), /\b(connectDatabase|connectBroker)\(/)).toEqual([]);
  });
  it('uses no module mocks, and skips or focuses no test', () => {
    expect(offenders(source.filter(({ path }) => path !== 'test/architecture.test.ts'), /jest\.(unstable_)?mock(Module)?\(|\b(it|test|describe)\.(only|todo)\b/)).toEqual([]);
  });
  it('branches on codes, never on the words of a message', () => {
    // amqplib gives two refusals of the broker no code, only words: one file reads them.
    expect(offenders(shipped.filter(({ path }) => path !== 'libs/broker/src/connectFault.ts'), /\.message\.(includes|match|startsWith)\(/)).toEqual([]);
  });
  it('names its own metrics gleaner_…', () => {
    expect(offenders(shipped.filter(({ path }) => path.startsWith('services/')), /\.(counter|gauge|gaugeFrom|histogram)\('(?!gleaner_)/)).toEqual([]);
  });
  it('has no file whose name says nothing', () => {
    expect(all.map((path) => relative(top, path)).filter((path) => /\/(utils?|helpers?|common|misc|shared)(\.ts|\/)/.test(path))).toEqual([]);
  });
  it('keeps decisions pure: core/ and libs/collecting know no clock, no chance and no client', () => {
    const core = shipped.filter(({ path }) => path.includes('/core/') || path.startsWith('libs/collecting/')).map(({ path, text }) => ({ path, text: text.replaceAll(/^import type .*$/gm, '') }));
    expect(core.length).toBeGreaterThan(0);
    expect(offenders(core, /Date\.now\(|new Date\(\)|Math\.random|process\.|@gleaner\/(broker|runtime)|from 'node:(fs|http|net)/)).toEqual([]);
  });
});
