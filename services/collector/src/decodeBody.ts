import type { Readable, Transform } from 'node:stream';
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
  let source: Readable = body;
  for (const name of names.toReversed()) {
    const make = decoders[name];
    if (!make) throw badBody(`expected gzip, deflate, br or zstd as the body's encoding; saw ${JSON.stringify(name)}`);
    const decoder = make();
    const from = source;
    // pipe() passes no errors on, and the reason of a broken body is upstream's error, not the decoder's.
    from.once('error', (error) => decoder.destroy(error));
    decoder.once('close', () => from.destroy());
    source = from.pipe(decoder);
  }
  for await (const chunk of source as AsyncIterable<Buffer>) {
    budget.left -= chunk.length;
    if (budget.left < 0) throw new AttemptFailure('too_large', `expected at most ${budget.max.toLocaleString('en')} bytes (maxBytes), decompressed; saw more`);
    yield chunk;
  }
}
