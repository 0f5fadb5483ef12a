import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';

const script = fileURLToPath(new URL('testing/exampleService.ts', import.meta.url));

/** Runs the example service until it ends, or `fn` does; whatever is left of it is ended. */
async function withExample(
  behaviour: string,
  fn: (service: { readonly child: ChildProcess; readonly output: () => string; readonly exit: Promise<{ code: number | null; signal: string | null }> }) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const child = spawn(process.execPath, [script, behaviour], { env: { ...process.env, NODE_OPTIONS: '', ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (bytes) => (output += bytes));
  child.stderr.on('data', (bytes) => (output += bytes));
  const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  try {
    await fn({ child, output: () => output, exit });
  } finally {
    child.kill('SIGKILL');
  }
}
const isReady = (output: () => string): Promise<unknown> => until(() => /^example ready, health at http:\/\/127\.0\.0\.1:\d+$/m.test(output()), { see: output });

describe('runService', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s: told first, released in reverse order, exit 0', async (signal) => {
    await withExample('plain', async ({ child, output, exit }) => {
      await isReady(output);
      child.kill(signal);
      expect(await exit).toEqual({ code: 0, signal: null });
      expect(output().split('\n').slice(1, 4)).toEqual(['told to stop', 'released health', 'released database']);
    });
  });

  it('a second signal exits at once with 128 + its number', async () => {
    await withExample('slow-release', async ({ child, output, exit }) => {
      await isReady(output);
      child.kill('SIGTERM');
      await until(() => output().includes('releasing'));
      const started = performance.now();
      child.kill('SIGINT');
      expect((await exit).code).toBe(130);
      expect(performance.now() - started).toBeLessThan(1_500);
      expect(output()).not.toContain('released database');
    });
  });

  it.each([
    ['stuck-release', 'not released in time'],
    ['failing-release', 'cannot let go'],
  ])('%s: said, and the others are released all the same', async (behaviour, said) => {
    await withExample(behaviour, async ({ child, output, exit }) => {
      await isReady(output);
      child.kill('SIGTERM');
      expect((await exit).code).toBe(0);
      expect(output()).toContain(said);
      expect(output()).toContain('released database');
    });
  });

  it('the launcher’s pipe ends: the same as a signal, but only where it was asked for', async () => {
    await withExample(
      'plain',
      async ({ child, output, exit }) => {
        await isReady(output);
        child.stdin?.end();
        expect((await exit).code).toBe(0);
        expect(output()).toContain('released database');
      },
      { GLEANER_PARENT_PIPE: '1' },
    );
    await withExample(
      'plain',
      async ({ child, output, exit }) => {
        child.stdin?.end();
        await isReady(output);
        const address = /http:\S+/.exec(output())?.[0] ?? '';
        expect((await fetch(`${address}/health/live`)).status).toBe(200);
        expect(output()).not.toContain('released');
        child.kill('SIGTERM');
        expect((await exit).code).toBe(0);
      },
      { GLEANER_PARENT_PIPE: '' },
    );
  });

  it('a failing start: one clear line with its code, what was acquired is released, exit 1', async () => {
    await withExample('bad-start', async ({ output, exit }) => {
      expect((await exit).code).toBe(1);
      const line: unknown = JSON.parse(output().split('\n').find((text) => text.includes('could not start')) ?? '{}');
      expect(line).toMatchObject({ level: 'fatal', service: 'example', code: 'unreachable', msg: 'example could not start: no database at mongodb://example' });
      expect(output()).toContain('released database');
    });
  });

  it.each([['uncaught', 'nobody caught this'], ['unhandled', 'nobody handled this']])('%s errors are logged, and it ends with 1', async (behaviour, said) => {
    await withExample(behaviour, async ({ output, exit }) => {
      expect((await exit).code).toBe(1);
      expect(output()).toContain(said);
      expect(output()).toContain('released database');
    });
  });
});
