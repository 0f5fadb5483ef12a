import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import { processLives } from './processes.ts';
import { keepService } from './serviceProcess.ts';
import { untilReady } from './untilReady.ts';

const here = (name: string): string => fileURLToPath(new URL(`./testing/${name}`, import.meta.url));
const announces = / ready, health at (http:\/\/\S+)/;
let folder = '';
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'gleaner-launch-')); });
afterEach(() => { rmSync(folder, { recursive: true, force: true }); });

describe('keepService', () => {
  it('starts a crashed service again, says so, and stops it', async () => {
    const said: string[] = [];
    const service = keepService({
      name: 'echo', entry: here('echoService.ts'), env: process.env, logFile: join(folder, 'echo.log'), announces, healthPath: '/', say: (line) => said.push(line),
    });
    try {
      await untilReady({ services: [service], patience: 10_000, signal: new AbortController().signal });
      const first = await pidAt(service.address());
      await fetch(`${service.address()}/crash`).catch(() => {});
      await until(() => said.some((line) => line.includes('asked to crash')), { see: () => said });
      expect(said.filter((line) => line.startsWith('login: '))).toEqual(['login: http://127.0.0.1/?key=told-once']);
      expect(said.filter((line) => !line.startsWith('login: '))).toEqual([expect.stringMatching(/^echo ended \(exit 3: Error: asked to crash\); starting it again in 0.5 s; its log is .*echo\.log$/)]);
      await until(() => service.address() !== undefined);
      const second = await pidAt(service.address());
      expect(second).not.toBe(first);
      await service.stop(5_000);
      expect(processLives(second)).toBe(false);
      expect(said.filter((line) => line.startsWith('echo ended'))).toHaveLength(1);
      expect(readFileSync(join(folder, 'echo.log'), 'utf8')).toContain('Error: asked to crash');
      expect(readFileSync(join(folder, 'echo.log'), 'utf8')).not.toContain('told-once');
      expect(statSync(join(folder, 'echo.log')).mode & 0o777).toBe(0o600);
    } finally {
      await service.stop(1_000);
    }
  });

  it('gives a start up that cannot succeed, with the reason', async () => {
    const service = keepService({
      name: 'lost', entry: join(folder, 'nothing-here.ts'), env: process.env, logFile: join(folder, 'lost.log'), announces, say: () => {},
    });
    try {
      await expect(untilReady({ services: [service], patience: 20_000, signal: new AbortController().signal }))
        .rejects.toThrow(/^lost does not start: exit 1: Error: Cannot find module .*nothing-here\.ts/);
    } finally {
      await service.stop(1_000);
    }
  });

  it('ends with a launcher that is killed', async () => {
    const log = join(folder, 'echo.log');
    const launcher = spawn(process.execPath, [here('launcher.ts'), log], { stdio: 'ignore' });
    const address = await until(() => announces.exec(readFileSync(log, 'utf8'))?.[1]);
    const pid = await pidAt(address);
    expect(processLives(pid)).toBe(true);
    launcher.kill('SIGKILL');
    await until(() => !processLives(pid), { timeout: 5_000 });
  });
});

async function pidAt(address: string | undefined): Promise<number> {
  const answer: unknown = await (await fetch(address ?? '')).json();
  return typeof answer === 'object' && answer !== null && 'pid' in answer ? Number(answer.pid) : 0;
}
