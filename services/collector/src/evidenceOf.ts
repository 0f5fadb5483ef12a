import type { Evidence } from '@gleaner/contracts';
import { isCharset } from '@gleaner/collecting';
import iconv from 'iconv-lite';
import { charsetOf } from './core/charsetOf.ts';
import type { Redactor } from './core/createRedactor.ts';
import type { AnswerRecord } from './fetchUpstream.ts';

const shownCharacters = 4_096;
const hidden: ReadonlySet<string> = new Set(['set-cookie', 'cookie', 'authorization', 'proxy-authorization', 'www-authenticate', 'proxy-authenticate']);

/** What is kept of an answer: enough to understand a failure. Secrets are taken out before anything is cut short, and what may be the beginning of one at the end is left out: no half of one stays. */
export function evidenceOf(record: AnswerRecord, redactor: Redactor): Evidence {
  const head = Buffer.concat(record.head);
  const contentType = record.headers?.['content-type'];
  const charset = charsetOf({ contentType, head });
  const text = redactor.text(iconv.decode(head.subarray(charset.markBytes), isCharset(charset.name) ? charset.name : 'latin1'));
  const known = record.bodyBytes > head.length ? text.slice(0, Math.max(0, text.length - redactor.reach)) : text;
  const headers = Object.entries(record.headers ?? {}).map(([name, value]) => [redactor.text(name), hidden.has(name) ? '[hidden]' : redactor.text([value].flat().join(', '))]);
  return {
    ...(record.url === undefined ? {} : { url: redactor.text(withoutUser(record.url)) }),
    ...(record.method === undefined ? {} : { method: record.method }),
    ...(record.status === undefined ? {} : { status: record.status }),
    ...(record.headers === undefined ? {} : { headers: Object.fromEntries(headers) as Record<string, string> }),
    ...(head.length === 0 ? {} : { body: known.toWellFormed().replaceAll('\0', '\u2400').slice(0, shownCharacters).toWellFormed() }),
    bodyBytes: record.bodyBytes,
    ...(record.durationMs === undefined ? {} : { durationMs: record.durationMs }),
  };
}

function withoutUser(href: string): string {
  const url = new URL(href);
  url.username = '';
  url.password = '';
  return url.href;
}
