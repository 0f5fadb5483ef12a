import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import type { Context } from 'koa';
import type { Answer } from './answer.ts';

const gzipBytes = promisify(gzip);
const brotliBytes = promisify(brotliCompress);

/** Below this a packet more or less decides, not the compression. */
const compressFrom = 1_024;
/** Fast levels: the gateway's own time counts for more than the last percent. */
const gzipOptions = { level: 4 };
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Writes an answer to the client: ETag and 304 for what GET asked, gzip or br where the client takes it. */
export async function sendAnswer(ctx: Context, answer: Answer): Promise<void> {
  const { status, type, body, headers = {} } = answer;
  ctx.status = status;
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
  if (body === undefined) {
    ctx.body = null;
    ctx.status = status; // Koa makes a 204 of an empty body
    return;
  }
  if (type !== undefined) ctx.set('content-type', type);
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
  if (status === 200 && isRead && answer.etag !== false && Buffer.isBuffer(body)) {
    const etag = answer.etag ?? `W/"${createHash('sha1').update(body).digest('base64url')}"`;
    ctx.set('etag', etag);
    if (!ctx.response.get('cache-control')) ctx.set('cache-control', 'private, no-cache');
    if (matches(ctx.get('if-none-match'), etag)) {
      ctx.remove('content-type');
      ctx.body = null;
      ctx.status = 304;
      return;
    }
  }
  ctx.vary('Accept-Encoding');
  const encoding = type !== undefined && /json|text\/(?!event-stream)|yaml|csv|javascript/.test(type) ? ctx.acceptsEncodings('br', 'gzip', 'identity') : 'identity';
  if (Buffer.isBuffer(body)) {
    if (body.length < compressFrom || (encoding !== 'br' && encoding !== 'gzip') || ctx.method === 'HEAD') {
      ctx.body = body;
      return;
    }
    ctx.set('content-encoding', encoding);
    ctx.body = encoding === 'br' ? await brotliBytes(body, brotliOptions) : await gzipBytes(body, gzipOptions);
    return;
  }
  ctx.body = encoding === 'br' || encoding === 'gzip' ? compressStream(ctx, body, encoding) : body;
}

function compressStream(ctx: Context, body: Readable, encoding: 'br' | 'gzip'): Readable {
  ctx.set('content-encoding', encoding);
  const packer = encoding === 'br' ? createBrotliCompress(brotliOptions) : createGzip(gzipOptions);
  body.once('error', (error) => packer.destroy(error));
  packer.once('close', () => body.destroy());
  return body.pipe(packer);
}

/** Weak comparison, as RFC 9110 wants it for If-None-Match. */
function matches(header: string, etag: string): boolean {
  if (header === '') return false;
  if (header.trim() === '*') return true;
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '');
  return header.split(',').some((tag) => bare(tag) === bare(etag));
}
