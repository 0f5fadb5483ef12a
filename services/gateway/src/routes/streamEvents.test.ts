import type { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { until } from '../../../../test/support/until.ts';
import { createEventFeed } from '../eventFeed.ts';
import type { RawRequest } from '../http/route.ts';
import { withGateway } from '../testing/withGateway.ts';
import { streamEvents } from './streamEvents.ts';

describe('GET /v1/events', () => {
  it('brings what happens as it happens, and after a break what was missed', async () => {
    await withGateway(async ({ url, key, event, call, broker }) => {
      const open = async (query = '', headers: Record<string, string> = {}) => {
        const abort = new AbortController();
        const response = await fetch(`${url}/v1/events${query}`, { headers: { authorization: `Bearer ${key}`, ...headers }, signal: abort.signal });
        expect(response.headers.get('content-type')).toContain('text/event-stream');
        let text = '';
        const decoder = new TextDecoder();
        const reading = (async () => {
          for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) text += decoder.decode(part);
        })().catch(() => undefined); // ends by the abort below
        return { seen: () => [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data ?? '') as { run?: string; job?: string }), text: () => text, close: async () => { abort.abort(); await reading; } };
      };
      const run = (id: string, of = 'j') => ({ kind: 'run', run: id, job: of, state: 'due', rev: 1, at: '2026-11-20T00:00:00.000Z' }) as const;
      // A stream that breaks before its first event knows where to go on, too.
      const early = await open();
      await until(() => /^id: \S+$/m.test(early.text()));
      const earlyId = /^id: (\S+)$/m.exec(early.text())?.[1] ?? '';
      await early.close();
      event(run('j@0'));
      const back = await open('', { 'last-event-id': earlyId });
      await until(() => back.seen().length === 1);
      expect(back.seen().map((seen) => seen.run)).toEqual(['j@0']);
      await back.close();
      const all = await open();
      const one = await open('?job=k');
      await until(async () => (await call('GET', '/metrics')).text.includes('gateway_event_listeners 2'));
      event(run('j@1'));
      event(run('k@1', 'k'));
      event(run('j@2'));
      await until(() => all.seen().length === 3);
      expect(all.seen().map((seen) => seen.run)).toEqual(['j@1', 'k@1', 'j@2']);
      await until(() => one.seen().length === 1);
      const lastId = /id: (\S+)\nevent: run\ndata: [^\n]*j@1/.exec(all.text())?.[1] ?? '';
      await all.close();
      await one.close();
      await until(async () => (await call('GET', '/metrics')).text.includes('gateway_event_listeners 0'));
      const again = await open('', { 'last-event-id': lastId });
      await until(() => again.seen().length === 2);
      expect(again.seen().map((seen) => seen.run)).toEqual(['k@1', 'j@2']);
      expect(again.text()).not.toContain('event: gap');
      broker.gap();
      await until(() => again.text().includes('event: gap'));
      const foreign = await open('', { 'last-event-id': 'another-7' });
      await until(() => foreign.text().includes('event: gap'));
      await again.close();
      await foreign.close();
    });
  });

  it('tells a client of a quiet job how far it is, so that it does not come back to a gap', async () => {
    const events = createEventFeed({ epoch: 'e', size: 2 });
    const gone = new AbortController();
    const route = streamEvents({ events, stopping: new AbortController().signal }, { heartbeatMs: 5 });
    const { body } = await route.run({ params: {}, query: { job: 'quiet' }, header: () => undefined, gone: () => gone.signal } as unknown as RawRequest);
    let text = '';
    (body as Readable).on('data', (part: Buffer) => { text += part.toString(); });
    for (const n of [1, 2, 3, 4]) events.push({ kind: 'run', run: `busy@${n}`, job: 'busy', state: 'due', rev: 1, at: '2026-11-20T00:00:00.000Z' });
    await until(() => text.includes(events.position));
    gone.abort();
    expect(text).not.toContain('data:');
    const heard: string[] = [];
    events.listen({ onEvent: ({ id }) => heard.push(id), onGap: () => heard.push('gap') }, [...text.matchAll(/^id: (.+)$/gm)].at(-1)?.[1])();
    expect(heard).toEqual([]);
  });

  it('ends when the gateway stops, which also makes it not ready', async () => {
    await withGateway(async ({ url, key, stop }) => {
      const response = await fetch(`${url}/v1/events`, { headers: { authorization: `Bearer ${key}` } });
      const text = response.text();
      stop();
      expect(await text).toContain('retry:');
      expect((await fetch(`${url}/health/ready`)).status).toBe(503);
      expect((await fetch(`${url}/health/live`)).status).toBe(200);
    });
  });
});
