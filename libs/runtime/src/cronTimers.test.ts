import { describe, expect, it } from '@jest/globals';
import { getTasks } from 'node-cron';
import { until } from '../../../test/support/until.ts';
import { everyCron } from './cronTimers.ts';
import { createLogger } from './logger.ts';

const everySecond = '* * * * * *';

describe('everyCron', () => {
  it('goes on after an error, never overlaps itself, and leaves nothing behind', async () => {
    const lines: string[] = [];
    const log = createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } });
    let runs = 0;
    let atOnce = 0;
    let most = 0;
    const gate = Promise.withResolvers<void>();
    const timer = everyCron({
      name: 'sweep',
      expression: everySecond,
      log,
      heals: (error) => error instanceof Error && error.message === 'passes by itself',
      run: async () => {
        runs += 1;
        if (runs === 1) throw new Error('passes by itself');
        most = Math.max(most, (atOnce += 1));
        if (runs === 2) await gate.promise;
        atOnce -= 1;
      },
    });
    const before = getTasks().size;
    await until(() => runs === 2);
    const second = Math.floor(Date.now() / 1000);
    await until(() => Math.floor(Date.now() / 1000) >= second + 2); // the cron seconds that must not start another run
    expect(runs).toBe(2);
    gate.resolve();
    await until(() => runs >= 3);
    await timer.stop();
    await timer.stop();
    expect(most).toBe(1);
    expect(getTasks().size).toBe(before - 1);
    expect(lines.filter((line) => line.includes('housekeeping failed')).map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['warn']);
  });

  it('stop waits for the run that has begun, and an error that nobody knows to pass by itself is logged as one', async () => {
    const lines: string[] = [];
    let ended = false;
    let begun = false;
    const gate = Promise.withResolvers<void>();
    const timer = everyCron({
      name: 'slow', expression: everySecond, log: createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } }),
      heals: (error) => error instanceof Error && error.message === 'passes by itself',
      run: async () => {
        begun = true;
        await gate.promise;
        ended = true;
        throw new Error('nobody knows');
      },
    });
    await until(() => begun);
    const stopped = timer.stop();
    gate.resolve();
    await stopped;
    expect(ended).toBe(true);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ level: 'error', timer: 'slow', msg: expect.stringContaining('housekeeping failed') }]);
  });

  it('throws at an expression that is none', () => {
    expect(() => everyCron({ name: 'x', expression: 'every minute', run: () => undefined, log: createLogger({ service: 'test', level: 'silent' }) })).toThrow();
  });
});
