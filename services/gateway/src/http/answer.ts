import type { Readable } from 'node:stream';
import { stringifyValue } from '../core/stringifyValue.ts';

/** What a route answers; the shell around it adds ETag, compression and the rest. */
export interface Answer {
  readonly status: number;
  readonly type?: string;
  /** A stream is sent as it comes, without ETag. */
  readonly body?: Buffer | Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Names this representation; absent on a 200 to GET = a hash of the body. `false` = none. */
  readonly etag?: string | false;
}

interface AnswerOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly etag?: string | false;
}

/** A JSON answer; dates, int64 and the other types of the database are written exactly. */
export function json(value: unknown, { status = 200, ...rest }: AnswerOptions = {}): Answer {
  return { status, type: 'application/json; charset=utf-8', body: Buffer.from(stringifyValue(value)), ...rest };
}

/** Bytes that are text already. */
export function text(body: string | Buffer, type: string, { status = 200, ...rest }: AnswerOptions = {}): Answer {
  return { status, type, body: typeof body === 'string' ? Buffer.from(body) : body, ...rest };
}

/** 204: done, nothing to say. */
export const nothing = (): Answer => ({ status: 204 });

/** 303 to another page, for people. */
export const seeOther = (location: string, headers: Readonly<Record<string, string>> = {}): Answer => ({ status: 303, headers: { ...headers, location } });
