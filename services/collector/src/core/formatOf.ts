import type { Format } from '@gleaner/contracts';

const byType: readonly (readonly [RegExp, Format])[] = [
  [/^application\/(x-)?(ndjson|jsonl|jsonlines)|^application\/x-json-stream|^text\/(x-)?ndjson|^application\/([\w.-]+\+)?json-seq/, 'ndjson'],
  [/[/+]json\b/, 'json'],
  [/^text\/(x-)?csv|^application\/csv/, 'csv'],
  [/^text\/tab-separated-values|^text\/tsv/, 'tsv'],
  [/^text\/html|^application\/xhtml\+xml/, 'html'],
  [/[/+]xml\b/, 'xml'],
];

/** The format of a body: the job's word, else the content type, else (plain text, binary, nothing) what its first character looks like. */
export function formatOf({ job, contentType, head }: { readonly job?: Format | undefined; readonly contentType?: string | undefined; readonly head: string }): Format {
  if (job) return job;
  const type = contentType?.trim().toLowerCase() ?? '';
  const known = byType.find(([pattern]) => pattern.test(type))?.[1];
  if (known) return known;
  const first = head.trimStart();
  if (/^[[{]/.test(first)) return 'json';
  if (/^<(!doctype html|html)/i.test(first)) return 'html';
  if (first.startsWith('<')) return 'xml';
  return type.startsWith('text/plain') ? 'text' : 'csv';
}
