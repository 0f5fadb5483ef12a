import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
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
    expect(offenders(shipped.filter(({ path }) => path !== 'libs/contracts/src/topology.ts'), /\b(queue|routingKey)(:|\s*[!=]==)\s*['"`](collect|store|try)['"`]/)).toEqual([]);
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
    expect(offenders(shipped.filter(({ path }) => path.startsWith('services/')), /\.(counter|gauge|histogram)(From)?\(\s*['"`](?!gleaner_)/)).toEqual([]);
  });
  it('declares in each package what it imports, and nothing else: what only its tests import as devDependencies', () => {
    const forEveryTest = ['@jest/globals', 'fast-check'];
    const imported = (files: typeof source): string[] => [...new Set(files.flatMap(({ text }) => [...text.matchAll(/(?:^(?:import|export)\b[^;]*? from |\bimport\(|^import )'((?:@[\w-]+\/)?\w[\w.-]*)/gm)].map((found) => found[1]!)))].filter((name) => name !== 'node');
    const folders = ['libs', 'services'].flatMap((folder) => readdirSync(join(top, folder)).map((name) => `${folder}/${name}`));
    const faults = [...folders, 'deploy/standalone', 'deploy/demo'].flatMap((folder) => {
      const { name, dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(join(top, folder, 'package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', object | undefined> & { name: string };
      const own = source.filter(({ path }) => path.startsWith(`${folder}/`));
      const isTest = ({ path }: { path: string }): boolean => /\.test\.ts$|\/(test|testing)\//.test(path);
      const [runs, tests] = [imported(own.filter((file) => !isTest(file))), imported(own.filter(isTest))];
      return [
        ...runs.filter((one) => !(one in dependencies) && one !== name).map((one) => `${folder} imports ${one} undeclared`),
        ...tests.filter((one) => !(one in dependencies) && !(one in devDependencies) && !forEveryTest.includes(one)).map((one) => `${folder} imports ${one} in tests undeclared`),
        ...Object.keys(dependencies).filter((one) => !runs.includes(one)).map((one) => `${folder} does not need ${one} to run`),
        ...Object.keys(devDependencies).filter((one) => !tests.includes(one)).map((one) => `${folder} does not test with ${one}`),
      ];
    });
    const { devDependencies } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as { devDependencies: object };
    const atTop = imported(source.filter(({ path }) => path.startsWith('test/') && !path.startsWith('test/bench/peers/'))).filter((one) => !one.startsWith('@gleaner/') && !(one in devDependencies));
    expect([...faults, ...atTop.map((one) => `test imports ${one} undeclared`)]).toEqual([]);
  });
  it('leaves a package by its name only, never by a path; its tests reach test/support besides, and test/ whatever it tests', () => {
    const homeOf = (path: string): string => (path.startsWith('test/') ? 'test' : path.split('/').slice(0, 2).join('/'));
    const isTest = (path: string): boolean => /\.test\.ts$|\/testing\//.test(path);
    const faults = source.flatMap(({ path, text }) => [...text.matchAll(/(?:\bfrom |\bimport\(|^import )'(\.\.?\/[^']+)'/gm)].flatMap(([, target = '']) => {
      const led = join(dirname(path), target);
      const allowed = homeOf(led) === homeOf(path) || homeOf(path) === 'test' || (isTest(path) && led.startsWith('test/support/'));
      return allowed ? [] : [`${path} imports ${led}`];
    }));
    expect(faults).toEqual([]);
  });
  it('has pages that name every variable that is read and every path that is served, and lead nowhere that is not', () => {
    const page = (name: string): string => readFileSync(join(top, name), 'utf8');
    const read = source.filter(({ path }) => /config\.ts$|\/serviceFields\.ts$|^deploy\/standalone\/(launcherEnv|setup)\.ts$/.test(path)).flatMap(({ text }) => [...text.matchAll(/\b(?:string|integer|flag|secret|url|choice|duration|size|cidrs)\('([A-Z_]+)'/g)].map(([, name = '']) => name));
    expect(read).toEqual(expect.arrayContaining(['MONGO_URL', 'GATEWAY_PORT', 'COLLECTOR_MEMORY', 'PLAYBACK_SEED', 'DATA_DIR']));
    expect([...new Set(read)].filter((name) => !page('docs/running.md').includes(`\`${name}\``))).toEqual([]);
    const served = source.filter(({ path }) => path.startsWith('services/gateway/src/routes/')).flatMap(({ text }) => [...text.matchAll(/path: '(\/[^']+)'/g)].map(([, path = '']) => path));
    expect(served).toEqual(expect.arrayContaining(['/v1/jobs/:job/series', '/health/ready']));
    // A path under a job is written `…/series`; what is the job's own is looked for by its last word.
    expect(served.filter((path) => !new RegExp(`/${/([\w.-]*)(?:\/:\w+)*$/.exec(path)?.[1] ?? ''}\\b`).test(page('docs/api.md').replace('/health/*', '/live /ready')))).toEqual([]);
    const pages = ['README.md', ...['docs', 'docs/decisions', 'deploy/secrets', 'test/bench'].flatMap((folder) => readdirSync(join(top, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`))];
    expect(pages.flatMap((name) => [...page(name).matchAll(/\]\((?!https?:)([^)#]+)/g)].flatMap(([, target = '']) => (existsSync(join(top, dirname(name), target)) ? [] : [`${name} leads to ${target}`])))).toEqual([]);
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
