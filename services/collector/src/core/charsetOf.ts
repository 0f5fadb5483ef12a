/** Byte order marks, longest first. */
const marks: readonly (readonly [string, readonly number[]])[] = [
  ['utf-32le', [0xff, 0xfe, 0, 0]],
  ['utf-32be', [0, 0, 0xfe, 0xff]],
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** The charsets of two byte orders: the one of the mark, else of the zeros that most texts have, else little end first. */
const orderOf: Readonly<Record<string, (seen: string | undefined, head: Uint8Array) => string>> = {
  'utf-16': (seen) => (seen === 'utf-16be' ? seen : 'utf-16le'),
  'utf-32': (seen, head) => (seen === 'utf-32be' || (seen !== 'utf-32le' && head[0] === 0) ? 'utf-32be' : 'utf-32le'),
};

/** What the first bytes and the header say of a body's charset, and how many bytes its mark takes. */
export interface Charset {
  readonly name: string;
  readonly markBytes: number;
}

/** The charset of a body: the job's word, else a byte order mark, the header, the XML prolog or the HTML meta, else UTF-8. A mark is skipped in any case. */
export function charsetOf({ job, contentType, head }: { readonly job?: string | undefined; readonly contentType?: string | undefined; readonly head: Uint8Array }): Charset {
  const mark = marks.find(([, bytes]) => bytes.every((byte, index) => head[index] === byte));
  const start = Buffer.from(head.subarray(0, 1_024)).toString('latin1');
  const declared =
    /^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']/.exec(start)?.[1] ?? (/^\s*<(!doctype html|html|head|meta)/i.test(start) ? /<meta[^>]*?charset\s*=\s*["']?([\w.:-]+)/i.exec(start)?.[1] : undefined);
  const header = /charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? '')?.[1];
  const silent = head[0] === 0 && head[1] !== 0 ? 'utf-16be' : head[0] !== 0 && head[1] === 0 && head.length > 2 ? 'utf-16le' : undefined;
  const name = (job ?? mark?.[0] ?? header ?? declared ?? silent ?? 'utf-8').toLowerCase();
  return { name: orderOf[name]?.(mark?.[0] ?? silent, head) ?? name, markBytes: mark?.[1].length ?? 0 };
}
