import { createHmac, timingSafeEqual } from 'node:crypto';
import { ProblemError } from './problem.ts';

/** What pins a page to where it belongs: the list, its filter, and whatever names the place in it. */
export interface CursorContent {
  /** Which list, so that a cursor of runs is never read as one of items. */
  readonly kind: string;
  /** Hash (or text) of everything that chose the list: job, filter, fields. Another filter, another cursor. */
  readonly scope: string;
  readonly place: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Cursors {
  write(content: CursorContent): string;
  /** The place in this list. Throws `bad_cursor` for a text that was not signed here, or for another list. */
  read(cursor: string, expected: { readonly kind: string; readonly scope: string }): CursorContent['place'];
}

const version = 1;
const macBytes = 16;

/** Cursors signed with `secret`: opaque to clients, and what they hold can be trusted when it comes back. */
export function createCursors({ secret }: { readonly secret: string | Uint8Array }): Cursors {
  const sign = (payload: string): Buffer => createHmac('sha256', secret).update(payload).digest().subarray(0, macBytes);
  return {
    write: ({ kind, scope, place }) => {
      const payload = Buffer.from(JSON.stringify([version, kind, scope, place])).toString('base64url');
      return `${payload}.${sign(payload).toString('base64url')}`;
    },
    read: (cursor, expected) => {
      const [payload = '', mac = '', ...more] = cursor.split('.');
      const given = Buffer.from(mac, 'base64url');
      if (more.length > 0 || given.length !== macBytes || !timingSafeEqual(given, sign(payload))) throw new ProblemError('bad_cursor', 'expected a cursor as `next` or the Link header gave it; saw something else');
      const [seenVersion, kind, scope, place] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [number, string, string, CursorContent['place']];
      if (seenVersion !== version) throw new ProblemError('bad_cursor', 'the cursor is of another version of Gleaner; begin the list anew');
      if (kind !== expected.kind || scope !== expected.scope)
        throw new ProblemError('bad_cursor', 'the cursor belongs to another list: repeat it with the same job, filter and fields that it came from');
      return place;
    },
  };
}
