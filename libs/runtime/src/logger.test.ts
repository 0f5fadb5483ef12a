import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.ts';

function logged(act: (log: ReturnType<typeof createLogger>) => void, options: { redact?: string[]; level?: 'debug' | 'warn' } = {}): unknown[] {
  const lines: unknown[] = [];
  act(createLogger({ service: 'storage', ...options, destination: { write: (line) => void lines.push(JSON.parse(line)) } }));
  return lines;
}

describe('createLogger', () => {
  it('writes the service, the level as a word and the fields', () => {
    expect(logged((log) => log.info({ run: 'r1', durationMs: 5 }, 'applied'))).toEqual([{ level: 'info', time: expect.any(String), service: 'storage', run: 'r1', durationMs: 5, msg: 'applied' }]);
    expect(logged((log) => log.info('not at this level'), { level: 'warn' })).toEqual([]);
  });

  it('keeps codes and the chain of causes of an error, without end', () => {
    const root = Object.assign(new Error('socket closed'), { code: 'ECONNRESET' });
    const error = Object.assign(new Error('not stored', { cause: new Error('no primary', { cause: root }) }), { code: 'store' });
    root.cause = error;
    const [line] = logged((log) => log.error({ err: error }, 'failed'));
    expect(line).toMatchObject({ err: { code: 'store', message: 'not stored', stack: expect.any(String), cause: { message: 'no primary', cause: { code: 'ECONNRESET' } } } });
    expect(logged((log) => log.error({ err: 'just text' }, 'failed'))).toMatchObject([{ err: { message: 'just text' } }]);
  });

  it('hides what bears the name of a secret, and what it is told to', () => {
    const text = JSON.stringify(logged((log) => log.info({ password: 'hunter2', request: { authorization: 'hunter2' }, deep: { inner: { key: 'hunter2' } } }, 'x'), { redact: ['deep.inner.key'] }));
    expect(text).not.toContain('hunter2');
    expect(text).toContain('[hidden]');
  });

  it('shows the number of a lease, which is called its token, and no text of that name', () => {
    expect(logged((log) => log.info({ token: 7, lease: { token: 8 } }, 'leading'))).toMatchObject([{ token: 7, lease: { token: 8 } }]);
    expect(logged((log) => log.info({ token: '7', password: 7, lease: { token: 'abc' } }, 'x'))).toMatchObject([{ token: '[hidden]', password: '[hidden]', lease: { token: '[hidden]' } }]);
  });
});
