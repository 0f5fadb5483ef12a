import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { forbidServiceStarts } from './forbidServiceStarts.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gleaner-policy-'));
  file = join(folder, 'policy-rc.d');
});
afterEach(() => { rmSync(folder, { recursive: true }); });

it('says no for as long as anybody holds it', () => {
  const [first, second] = [forbidServiceStarts(file), forbidServiceStarts(file)];
  expect(readFileSync(file, 'utf8')).toMatch(/^#!\/bin\/sh\n[^]*exit 101\n$/);
  expect(statSync(file).mode & 0o777).toBe(0o755);
  first();
  expect(existsSync(file)).toBe(true);
  second();
  expect(existsSync(file)).toBe(false);
});

it('leaves a policy of somebody else as it is', () => {
  writeFileSync(file, '#!/bin/sh\nexit 0\n');
  forbidServiceStarts(file)();
  expect(readFileSync(file, 'utf8')).toBe('#!/bin/sh\nexit 0\n');
});

it.each([
  ['process.exit(0)', false],
  ['process.kill(process.pid, "SIGKILL")', true],
])('in a process that ends by %s: the file stays = %s, and the next one takes it away', (end, stays) => {
  const script = `const { forbidServiceStarts } = await import(${JSON.stringify(new URL('./forbidServiceStarts.ts', import.meta.url).href)}); forbidServiceStarts(${JSON.stringify(file)}); ${end}`;
  try {
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' } });
  } catch {
    // killed, as asked for
  }
  expect(existsSync(file)).toBe(stays);
  forbidServiceStarts(file)();
  expect(existsSync(file)).toBe(false);
});
