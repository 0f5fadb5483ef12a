import type { IncomingMessage } from 'node:http';
import { ProblemError } from '../core/problem.ts';
import { readJson, readYaml } from '../core/readDocument.ts';
import type { BodyRules } from './route.ts';

/**
 * Reads a request's body as JSON or (where the rules allow it) YAML, within its limit.
 * Throws `too_large`, `unsupported_media_type` or `bad_body`; `{}` where there is none and none is needed.
 */
export async function readBody(request: IncomingMessage, { maxBytes, yaml, optional }: BodyRules): Promise<unknown> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') throw new ProblemError('unsupported_media_type', `expected a body without content-encoding; saw ${JSON.stringify(encoding)}`);
  const bytes = await collect(request, maxBytes);
  if (bytes.length === 0) {
    if (optional) return {};
    throw new ProblemError('bad_body', `expected a body of ${yaml ? 'JSON or YAML' : 'JSON'}; saw none`);
  }
  const kind = kindOf(request.headers['content-type']);
  if (kind === undefined || (kind === 'yaml' && !yaml))
    throw new ProblemError('unsupported_media_type', `expected content-type application/json${yaml ? ' or application/yaml' : ''}; saw ${JSON.stringify(request.headers['content-type'] ?? 'none')}`);
  const read = kind === 'json' ? readJson(decode(bytes)) : readYaml(decode(bytes));
  if (!read.ok) throw new ProblemError('bad_body', read.faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '), { faults: read.faults });
  return read.value;
}

async function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('bad_body', 'the body broke off', { cause: error });
  }
  return Buffer.concat(parts);
}

/** The rest of the body is not read: the connection ends with the answer. */
const tooLarge = (maxBytes: number): ProblemError => new ProblemError('too_large', `expected at most ${maxBytes} bytes`, { headers: { connection: 'close' } });

function kindOf(contentType: string | undefined): 'json' | 'yaml' | undefined {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';').map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length).replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') return undefined;
  if (type === 'application/json' || /^[\w.-]+\/[\w.-]+\+json$/.test(type)) return 'json';
  if (/^(application|text)\/(x-)?yaml$/.test(type) || /^[\w.-]+\/[\w.-]+\+yaml$/.test(type)) return 'yaml';
  return undefined;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ProblemError('bad_body', 'expected UTF-8; saw bytes that are none', { cause: error });
  }
}
