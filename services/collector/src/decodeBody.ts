import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { AttemptFailure, badBody } from './core/AttemptFailure.ts';

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize: 65_536 }),
  'x-gzip': () => createGunzip({ chunkSize: 65_536 }),
  deflate: () => createInflate({ chunkSize: 65_536 }),
  br: () => createBrotliDecompress({ chunkSize: 65_536 }),
  zstd: () => createZstdDecompress({ chunkSize: 65_536 }),
};

/** Bytes that an attempt may still read, over all its answers. */
export interface ByteBudget {
  left: number;
  readonly max: number;
}

/**
 * The bytes of a body, decompressed, as they come. Reading stops with `too_large` at the byte that is one too many, so a bomb costs no memory;
 * `bad_body` for an unknown encoding.
 */
export async function* decodeBody({ body, encoding, budget }: { readonly body: Readable; readonly encoding: string | undefined; readonly budget: ByteBudget }): AsyncGenerator<Buffer> {
  const names = (encoding ?? '').toLowerCase().split(',').map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
  if (names.length > 3) throw badBody(`expected at most 3 encodings of a body; saw ${JSON.stringify(encoding)}`);
  // All are judged before one is made: a decoder that nobody ends would stay.
  const makers = names.toReversed().map((name) => {
    const make = Object.hasOwn(decoders, name) ? decoders[name] : undefined;
    if (!make) throw badBody(`expected gzip, deflate, br or zstd as the body's encoding; saw ${JSON.stringify(name)}`);
    return make;
  });
  const decoded = makers.reduce((from, make) => through(from, make()), body);
  for await (const chunk of withoutGzip(decoded)) {
    budget.left -= chunk.length;
    if (budget.left < 0) throw new AttemptFailure('too_large', `expected at most ${budget.max.toLocaleString('en')} bytes (maxBytes), decompressed; saw more`);
    yield chunk;
  }
}

function through(from: Readable, decoder: Transform): Readable {
  // pipe() passes no errors on, and the reason of a broken body is upstream's error, not the decoder's.
  from.once('error', (error) => decoder.destroy(error));
  decoder.once('close', () => from.destroy());
  return from.pipe(decoder);
}

/** gzip, deflate: how no text of any format begins. */
const gzipHead = Buffer.from([0x1f, 0x8b, 8]);

/** A body that is a gzip file itself, as `data.json.gz` comes, is decompressed: what it holds is what the job is about. */
async function* withoutGzip(body: Readable): AsyncGenerator<Buffer> {
  const parts = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  let ended = false;
  while (!ended && head.length < gzipHead.length && gzipHead.subarray(0, head.length).equals(head)) {
    const part = await parts.next();
    ended = part.done === true;
    if (!part.done) head = head.length === 0 ? part.value : Buffer.concat([head, part.value]);
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      for (let part = ended ? undefined : await parts.next(); part && !part.done; part = await parts.next()) yield part.value;
    } finally {
      await parts.return?.();
    }
  };
  if (head.subarray(0, gzipHead.length).equals(gzipHead)) yield* through(Readable.from(all()), createGunzip({ chunkSize: 65_536 })) as AsyncIterable<Buffer>;
  else yield* all();
}
