import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nextFailure } from './core/failureModes.ts';
import type { Failure } from './core/failureModes.ts';
import { readControl } from './core/readControl.ts';
import { changeTime, realTime, shownAt } from './core/simulatedTime.ts';
import { prepareAnswer, sendAnswer } from './answerFeed.ts';
import type { PreparedAnswer } from './answerFeed.ts';
import type { Feed } from './feeds.ts';
import { sendFailure } from './sendFailure.ts';

/** A playback upstream that listens; `close` ends it and every connection to it. */
export interface Playback {
  /** Such as `http://127.0.0.1:43121`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

interface FeedState {
  readonly feed: Feed;
  answer?: PreparedAnswer;
  failure?: Failure | undefined;
  requests: number;
  notModified: number;
}

/**
 * Plays the feeds over HTTP. `GET /` and `GET /control` tell what is played and how often it was asked for; `POST /control` makes feeds fail
 * (`{"path": "/p24api/pubinfo", "mode": "500", "times": 3}`) and moves time on (`{"advance": "1h"}`, `{"speed": 60}`).
 * Rejects when the port is taken.
 */
export async function startPlayback({ feeds, host, port, apiKey, now }: {
  readonly feeds: readonly Feed[];
  readonly host: string;
  readonly port: number;
  /** What feeds with a key parameter ask for; anything else is 401. */
  readonly apiKey: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}): Promise<Playback> {
  const states = new Map<string, FeedState>(feeds.map((feed) => [feed.path, { feed, requests: 0, notModified: 0 }]));
  let time = realTime(now());

  const tell = (response: ServerResponse): void =>
    sendJson(response, 200, {
      at: new Date(shownAt(time, now())).toISOString(),
      speed: time.speed,
      feeds: [...states.values()].map(({ feed, failure, requests, notModified }) => ({
        path: feed.path, step: Math.floor(shownAt(time, now()) / feed.stepMs), stepMs: feed.stepMs, mode: failure?.mode ?? 'ok', requests, notModified,
      })),
    });

  const control = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const read = readControl(await readJson(request), [...states.keys()]);
    if (!read.ok) return sendJson(response, 400, { faults: read.faults });
    const { path, failure, ...change } = read.control;
    time = changeTime(time, { now: now(), ...change });
    for (const state of states.values()) if (failure && (path === '*' || path === state.feed.path)) state.failure = failure;
    tell(response);
  };

  const answerFeed = async ({ state, url, request, response }: { state: FeedState; url: URL; request: IncomingMessage; response: ServerResponse }): Promise<void> => {
    state.requests += 1;
    const { feed } = state;
    if (feed.keyParameter !== undefined && url.searchParams.get(feed.keyParameter) !== apiKey) {
      return sendJson(response, 401, { error: `expected the right key in ${feed.keyParameter}` });
    }
    const shown = shownAt(time, now());
    state.answer = prepareAnswer({ feed, shown, earlier: state.answer });
    const { failure } = state;
    const { mode, left } = nextFailure(failure);
    state.failure = left;
    if (mode !== 'ok' && failure) return sendFailure({ mode, failure, feed, answer: state.answer, response });
    const { notModified } = await sendAnswer({ request, response, feed, answer: state.answer, shown });
    if (notModified) state.notModified += 1;
  };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://playback');
    const state = states.get(url.pathname) ?? states.get(`${url.pathname}/`);
    if (url.pathname === '/control' && request.method === 'POST') return control(request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') return sendJson(response, 405, { error: 'expected GET' });
    if (url.pathname === '/' || url.pathname === '/control') return tell(response);
    if (!state) return sendJson(response, 404, { error: `nothing is played at ${url.pathname}; see /` });
    return answerFeed({ state, url, request, response });
  };

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      // A fault of the playback itself must not look like a silent upstream.
      if (response.headersSent) response.destroy(error instanceof Error ? error : undefined);
      else sendJson(response, 500, { error: String(error) });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value));
}

/** Undefined where the body is no JSON (or more than a control request can need): the caller says what it expected. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > 65_536) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}
