import type { EventMessage } from '@gleaner/contracts';
import { ApiError } from './ApiError.ts';
import type { Transport } from './createTransport.ts';

/** `gap`: something may have been missed; read the state anew. */
export type LiveEvent = { readonly kind: 'gap' } | EventMessage;

/** Reads server-sent events, coming back after a break (0.5 s to 15 s apart) with the last id it saw. Throws ApiError where the gateway refuses it. */
export async function* readEvents({ transport, job, signal }: { readonly transport: Transport; readonly job?: string | undefined; readonly signal?: AbortSignal | undefined }): AsyncGenerator<LiveEvent> {
  let lastId: string | undefined;
  let wait = 500;
  while (!signal?.aborted) {
    try {
      const response = await transport.open('GET', '/v1/events', { query: { job }, headers: { accept: 'text/event-stream', 'last-event-id': lastId }, signal, timeoutMs: 0 });
      wait = 500;
      for await (const { id, event, data } of eventsOf(response.body)) {
        if (id !== undefined) lastId = id;
        if (event === 'gap') yield { kind: 'gap' };
        else if (event === 'run' || event === 'job') yield JSON.parse(data) as EventMessage;
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ApiError && error.status < 500) throw error;
    }
    if (signal?.aborted) return;
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    wait = Math.min(wait * 2, 15_000);
  }
}

interface Frame {
  readonly id?: string;
  /** Absent where the frame only says where the stream is. */
  readonly event?: string;
  readonly data: string;
}

/** The frames of an event stream, as far as this gateway uses the format. */
async function* eventsOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Frame> {
  if (body === null) return;
  const decoder = new TextDecoder();
  let waiting = '';
  for await (const part of body as unknown as AsyncIterable<Uint8Array>) {
    waiting += decoder.decode(part, { stream: true });
    for (let end = waiting.indexOf('\n\n'); end >= 0; end = waiting.indexOf('\n\n')) {
      const lines = waiting.slice(0, end).split('\n');
      waiting = waiting.slice(end + 2);
      const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const id = field('id');
      const event = field('event');
      yield { data: field('data') ?? '', ...(event === undefined ? {} : { event }), ...(id === undefined ? {} : { id }) };
    }
  }
}
