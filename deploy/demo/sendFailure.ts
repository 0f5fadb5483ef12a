import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, FailureMode } from './core/failureModes.ts';
import type { Feed } from './feeds.ts';
import type { PreparedAnswer } from './answerFeed.ts';

const page = '<!DOCTYPE html>\n<html><head><title>Be right back</title></head><body><h1>We are down for maintenance</h1><p>Please come back later.</p></body></html>\n';
const drips = 20;

/** Answers as a sick service does. Every mode but `ok` ends the request here. */
export async function sendFailure({ mode, failure, feed, answer, response }: {
  readonly mode: Exclude<FailureMode, 'ok'>;
  readonly failure: Failure;
  readonly feed: Feed;
  readonly answer: PreparedAnswer;
  readonly response: ServerResponse;
}): Promise<void> {
  switch (mode) {
    case '500':
      response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Internal Server Error\n');
      return;
    case '429':
      response.writeHead(429, { 'Content-Type': 'application/json', 'Retry-After': String(failure.retryAfter) }).end(JSON.stringify({ error: 'Too many requests' }));
      return;
    case 'garbage':
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
      return;
    case 'slow':
      await drip({ response, feed, body: answer.body, delayMs: failure.delayMs });
      return;
    case 'reset':
      response.writeHead(200, { 'Content-Type': feed.contentType, 'Content-Length': answer.body.length });
      // Reset only once the half is on its way: a reset before the headers would be another fault.
      response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), () => response.socket?.resetAndDestroy());
      return;
    default:
      mode satisfies never;
  }
}

/** The right body, a twentieth at a time; ends early when the client has gone. */
async function drip({ response, feed, body, delayMs }: { response: ServerResponse; feed: Feed; body: Buffer; delayMs: number }): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'Content-Type': feed.contentType, 'Content-Length': body.length });
  try {
    for (let drop = 0; drop < drips; drop += 1) {
      response.write(body.subarray(Math.floor((body.length * drop) / drips), Math.floor((body.length * (drop + 1)) / drips)));
      await sleep(delayMs / drips, undefined, { signal: gone.signal });
    }
    response.end();
  } catch (error) {
    // Only the client's going ends the wait early: nobody is left to answer.
    if (!gone.signal.aborted) throw error;
  }
}
