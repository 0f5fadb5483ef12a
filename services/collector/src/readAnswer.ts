import { setImmediate } from 'node:timers/promises';
import type { Extraction } from '@gleaner/contracts';
import { isCharset } from '@gleaner/collecting';
import iconv from 'iconv-lite';
import { AttemptFailure, badBody } from './core/AttemptFailure.ts';
import type { BodyHash } from './createHashes.ts';
import { charsetOf } from './core/charsetOf.ts';
import { formatOf } from './core/formatOf.ts';
import { decodeBody } from './decodeBody.ts';
import type { ByteBudget } from './decodeBody.ts';
import { decodeText, isUtf8 } from './decodeText.ts';
import type { AnswerRecord, UpstreamAnswer } from './fetchUpstream.ts';
import { createReader } from './formats/createReader.ts';
import type { Recall } from './core/createKnownSnapshot.ts';
import type { FormatReader, OnFound } from './formats/FormatReader.ts';

/** A little more than the 4 KiB that evidence shows, so that a secret at the edge is still whole when it is looked for. */
const headBytes = 8_192;
/** A body up to this long is read whole before it is parsed: then its hash is known, and when it had arrived. */
const heldBytes = 16 * 1024 ** 2;
/** A body that takes longer is read while it comes, unless its hash may spare the reading: there is time enough. */
const heldMs = 250;
/** Bytes handled before the event loop gets its turn again. */
const sliceBytes = 65_536;

/** What one answer was, beside the records that `onFound` was told of. */
export interface ReadAnswer {
  /** What stands around the list, where the format has such a thing. */
  readonly around: unknown;
  /** The body is the one expected; nothing was parsed. */
  readonly same: boolean;
}

/**
 * Reads an answer's body as it comes: decompresses, decodes the charset, finds the records. `hash` is told of every decompressed byte;
 * `expected` is the hash of a body that need not be parsed again. Throws the failure that ends the attempt.
 */
export async function readAnswer({ answer, record, extraction, budget, hash, expected, onFound, onWhole, recall, settle, hold }: {
  readonly answer: UpstreamAnswer;
  readonly record: AnswerRecord;
  readonly extraction: Extraction;
  readonly budget: ByteBudget;
  readonly hash: Pick<BodyHash, 'update' | 'peek'>;
  readonly expected: string | undefined;
  readonly onFound: OnFound;
  readonly recall?: Recall | undefined;
  /** Told when a body has arrived whole that is short enough to be held until then. */
  readonly onWhole?: () => void;
  /** Called between parts: what waits for the job's expressions is settled here. */
  readonly settle: () => Promise<void>;
  /** Waits until the attempt may hold so many decompressed bytes. */
  readonly hold: (bytes: number) => Promise<void>;
}): Promise<ReadAnswer> {
  const encoding = answer.headers['content-encoding'];
  const contentType = answer.headers['content-type'];
  const announced = encoding === undefined ? Number(answer.headers['content-length'] ?? 0) : 0;
  if (announced > budget.left) throw new AttemptFailure('too_large', `expected at most ${budget.max.toLocaleString('en')} bytes (maxBytes); the answer announces ${announced.toLocaleString('en')}`);
  let held: Buffer[] | undefined = expected === undefined && !onWhole ? undefined : [];
  let size = 0;
  const began = performance.now();
  let feed: Feed | undefined;
  let waiting: Buffer = Buffer.alloc(0);

  const parse = async (bytes: Buffer): Promise<void> => {
    if (!feed) {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
      if (waiting.length < headBytes) return;
    }
    feed ??= createFeed({ head: waiting, extraction, contentType, onFound, recall });
    const rest = waiting.length > 0 ? waiting : bytes;
    waiting = Buffer.alloc(0);
    for (let from = 0; from < rest.length; from += sliceBytes) {
      const part = rest.subarray(from, from + sliceBytes);
      feed.write(part);
      await settle();
      await setImmediate();
    }
  };

  for await (const chunk of decodeBody({ body: answer.body, encoding, budget })) {
    await hold(budget.max - budget.left);
    keepHead(record, chunk);
    hash.update(chunk);
    size += chunk.length;
    if (!held) await parse(chunk);
    else {
      held.push(chunk);
      if (size > heldBytes || (expected === undefined && performance.now() - began > heldMs)) {
        const parts = held;
        held = undefined;
        for (const part of parts) await parse(part);
      }
    }
  }
  if (held && expected !== undefined && hash.peek() === expected) return { around: undefined, same: true };
  if (held) onWhole?.();
  for (let part = held?.shift(); part; part = held?.shift()) await parse(part);
  if (size === 0) throw badBody(`expected a body; the answer (status ${answer.status}) has none`);
  feed ??= createFeed({ head: waiting, extraction, contentType, onFound, recall });
  if (waiting.length > 0) feed.write(waiting);
  const around = await feed.end();
  await settle();
  return { around, same: false };
}

/** Keeps the first 4 KiB of a failed answer's body. */
export async function readFailedAnswer(answer: UpstreamAnswer, record: AnswerRecord): Promise<void> {
  const budget = { left: 65_536, max: 65_536 };
  for await (const chunk of decodeBody({ body: answer.body, encoding: answer.headers['content-encoding'], budget })) {
    keepHead(record, chunk);
    if (record.headBytes >= headBytes) return;
  }
}

function keepHead(record: AnswerRecord, chunk: Buffer): void {
  record.bodyBytes += chunk.length;
  if (record.headBytes >= headBytes) return;
  const part = Buffer.from(chunk.subarray(0, headBytes - record.headBytes));
  record.head.push(part);
  record.headBytes += part.length;
}

interface Feed {
  write(bytes: Buffer): void;
  end(): unknown;
}

/** The first bytes decide the charset and the format; from then on bytes go through the decoder to the format's reader. */
function createFeed({ head, extraction, contentType, onFound, recall }: { readonly head: Buffer; readonly extraction: Extraction; readonly contentType: string | undefined; readonly onFound: OnFound; readonly recall: Recall | undefined }): Feed {
  const charset = charsetOf({ job: extraction.charset, contentType, head });
  if (!isCharset(charset.name)) throw badBody(`expected a known charset; saw ${JSON.stringify(charset.name)}`);
  const headText = iconv.decode(head.subarray(charset.markBytes, charset.markBytes + 1_024), charset.name);
  const format = formatOf({ job: extraction.format, contentType, head: headText });
  const reader: FormatReader = createReader({ format, extraction, onFound, recall });
  const decoder = decodeText(charset.name, { strict: format !== 'html' && format !== 'text' });
  const give = (text: string): void => {
    if (text === '') return;
    if (reader.takes === 'bytes') {
      if (!text.isWellFormed()) throw badBody('expected text that UTF-8 can hold; saw a lone surrogate');
      reader.write(Buffer.from(text));
    } else reader.write(text);
  };
  let skip = charset.markBytes;
  return {
    write(bytes) {
      const part = skip > 0 ? bytes.subarray(skip) : bytes;
      skip = 0;
      if (isUtf8(charset.name) && reader.takes === 'bytes') reader.write(part);
      else give(decoder.write(part));
    },
    end() {
      give(decoder.end());
      return reader.end();
    },
  };
}
