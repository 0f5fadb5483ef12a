import { PassThrough } from 'node:stream';
import { jobId } from '@gleaner/contracts';
import { z } from 'zod';
import { eventText } from '../core/eventText.ts';
import { several } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';

/** A client that reads slower than things happen is let go, and comes back with its Last-Event-ID. */
const maxWaitingBytes = 1024 * 1024;

export const streamEvents = ({ events, stopping }: Pick<Gateway, 'events' | 'stopping'>, { heartbeatMs = 15_000 }: { readonly heartbeatMs?: number } = {}) =>
  defineRoute({
    method: 'GET', path: '/v1/events', scope: 'read', tag: 'events',
    summary: 'Live events (server-sent): `run` when a run moves, `job` when a job changes, `gap` when some may have been missed: then read the state anew',
    query: z.strictObject({ job: jobId.optional(), kind: several(z.enum(['run', 'job']), { max: 2 }).optional(), 'last-event-id': z.string().max(100).optional() }),
    headers: { 'Last-Event-ID': 'Go on after this event, as far as the buffer of this copy reaches.' },
    answers: { 200: { description: 'An endless stream.', types: ['text/event-stream'] } },
    handle: ({ query, header, gone }) => {
      const stream = new PassThrough({ highWaterMark: maxWaitingBytes });
      const send = (text: string): void => {
        if (!stream.write(text)) stream.destroy();
      };
      send('retry: 2000\n\n');
      const stop = events.listen({
        onEvent: ({ id, event }) => {
          if ((query.job === undefined || event.job === query.job) && (query.kind === undefined || query.kind.includes(event.kind))) send(eventText({ id, event: event.kind, data: event }));
        },
        onGap: (id) => send(eventText({ id, event: 'gap', data: {} })),
      }, header('last-event-id') ?? query['last-event-id']);
      // An id without an event tells the client where it is: at once, in case the stream breaks before the first event of its own, and again and again,
      // so that one that hears of a quiet job only does not come back with a place that the buffer has left behind. It also keeps proxies from thinking that nobody is there.
      const tellPosition = (): void => send(`id: ${events.position}\n\n`);
      tellPosition();
      const heartbeat = setInterval(tellPosition, heartbeatMs);
      const end = (): void => void stream.end();
      stopping.addEventListener('abort', end);
      gone().addEventListener('abort', () => stream.destroy());
      stream.once('close', () => {
        clearInterval(heartbeat);
        stopping.removeEventListener('abort', end);
        stop();
      });
      if (stopping.aborted) end();
      return { status: 200, type: 'text/event-stream; charset=utf-8', body: stream, headers: { 'cache-control': 'no-store', 'x-accel-buffering': 'no' } };
    },
  });
