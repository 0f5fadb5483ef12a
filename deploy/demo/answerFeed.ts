import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Played } from './core/played.ts';
import type { Feed } from './feeds.ts';

const gzipAsync = promisify(gzip);

/** A feed's answer at one step, kept until the next one is asked for: the auction list takes a while to make. */
export interface PreparedAnswer extends Played {
  readonly step: number;
  readonly etag: string;
  readonly lastModified: Date;
  /** Made once, when the first client asks for it. */
  gzipped?: Promise<Buffer>;
}

/** Makes the answer for the simulated moment, or gives the one that still stands. */
export function prepareAnswer({ feed, shown, earlier }: { readonly feed: Feed; readonly shown: number; readonly earlier?: PreparedAnswer | undefined }): PreparedAnswer {
  const step = Math.floor(shown / feed.stepMs);
  if (earlier?.step === step) return earlier;
  // HTTP dates know whole seconds only: a step shorter than that is dated by the second that it began in.
  const lastModified = new Date(Math.floor((step * feed.stepMs) / 1_000) * 1_000);
  const played = feed.play({ step, at: lastModified });
  return { ...played, step, lastModified, etag: createHash('sha256').update(played.body).digest('base64url').slice(0, 27) };
}

/** Sends the answer: 304 where the client's validators still hold, gzip where it takes it. Says whether it was a 304. */
export async function sendAnswer({ request, response, feed, answer, shown }: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly feed: Feed;
  readonly answer: PreparedAnswer;
  readonly shown: number;
}): Promise<{ readonly notModified: boolean }> {
  const zipped = answer.body.length > 1_024 && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(String(request.headers['accept-encoding'] ?? ''));
  const etag = `"${answer.etag}${zipped ? '-gzip' : ''}"`;
  for (const [name, value] of Object.entries(answerHeaders({ feed, answer, shown, etag }))) response.setHeader(name, value);
  if (isUnchanged({ request, feed, answer, etag })) {
    response.writeHead(304).end();
    return { notModified: true };
  }
  const body = zipped ? await (answer.gzipped ??= gzipAsync(answer.body)) : answer.body;
  if (zipped) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Type', feed.contentType);
  response.setHeader('Content-Length', body.length);
  response.writeHead(200).end(request.method === 'HEAD' ? undefined : body);
  return { notModified: false };
}

/** What goes with a 200 and a 304 alike. `Date` is the simulated moment, so that `Last-Modified` never lies ahead of it. */
function answerHeaders({ feed, answer, shown, etag }: { feed: Feed; answer: PreparedAnswer; shown: number; etag: string }): Record<string, string> {
  return {
    'Date': new Date(shown).toUTCString(),
    'Vary': 'Accept-Encoding',
    'X-Playback': answer.origin,
    ...(feed.validators.includes('etag') ? { ETag: etag } : {}),
    ...(feed.validators.includes('last-modified') ? { 'Last-Modified': answer.lastModified.toUTCString() } : {}),
  };
}

/** If-None-Match decides alone where it is given (RFC 9110); a feed without a validator never says 304. */
function isUnchanged({ request, feed, answer, etag }: { request: IncomingMessage; feed: Feed; answer: PreparedAnswer; etag: string }): boolean {
  const tags = request.headers['if-none-match'];
  if (tags !== undefined) return feed.validators.includes('etag') && tags.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
  const since = Date.parse(request.headers['if-modified-since'] ?? '');
  return feed.validators.includes('last-modified') && !Number.isNaN(since) && answer.lastModified.getTime() <= since;
}
