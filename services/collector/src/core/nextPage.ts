import { parsePath, readPath, type HttpSource } from '@gleaner/contracts';
import { AttemptFailure, badBody } from './AttemptFailure.ts';
import type { PageRequest } from './buildRequest.ts';
import { nextLinkOf } from './nextLinkOf.ts';

export type Paginate = NonNullable<HttpSource['paginate']>;

/** What was seen of a page that decides what comes after it. */
export interface SeenPage {
  /** From 0. */
  readonly index: number;
  readonly url: URL;
  readonly linkHeader: string | undefined;
  readonly around: unknown;
  /** Records found on it. */
  readonly found: number;
  /** The same bytes as the page before. */
  readonly repeated: boolean;
}

/** The first page's own parameters. */
export const firstPage = (paginate: Paginate | undefined): PageRequest => (paginate ? numbered(paginate, 0) : {});

/**
 * What to ask after a page; undefined where it was the last: no next link or cursor, an empty page, fewer records than asked for, or (by number) the same page again.
 * Fails with `bad_body` where links or cursors go round (`visited` remembers them), and with `too_large` beyond `maxPages`: a list cut short would read as removals.
 */
export function nextPage({ paginate, page, visited }: { readonly paginate: Paginate | undefined; readonly page: SeenPage; readonly visited: Set<string> }): PageRequest | undefined {
  if (!paginate) return undefined;
  const next = followed(paginate, page, visited);
  if (next && page.index + 1 >= paginate.maxPages) throw new AttemptFailure('too_large', `expected at most ${paginate.maxPages} pages (maxPages); there are more`);
  return next;
}

function followed(paginate: Paginate, page: SeenPage, visited: Set<string>): PageRequest | undefined {
  if (paginate.next !== undefined) {
    const link = paginate.next === 'link' ? nextLinkOf(page.linkHeader) : textAt(page.around, paginate.next.path);
    if (link === undefined) return undefined;
    if (!URL.canParse(link, page.url.href)) throw badBody(`expected a url as the next link of page ${page.index + 1}; saw ${JSON.stringify(link)}`);
    const url = new URL(link, page.url);
    visited.add(page.url.href);
    return once(visited, url.href, page, { url });
  }
  if (paginate.cursor) {
    const cursor = textAt(page.around, paginate.cursor.path);
    return cursor === undefined ? undefined : once(visited, cursor, page, { query: { [paginate.cursor.param]: cursor } });
  }
  if (page.found === 0 || page.repeated) return undefined;
  if (paginate.offset && page.found < paginate.offset.size) return undefined;
  return numbered(paginate, page.index + 1);
}

function once(visited: Set<string>, mark: string, page: SeenPage, request: PageRequest): PageRequest {
  if (visited.has(mark)) throw badBody(`expected pages to end; page ${page.index + 1} leads back to one that was read before`);
  visited.add(mark);
  return request;
}

function numbered(paginate: Paginate, index: number): PageRequest {
  if (paginate.page) return { query: { [paginate.page.param]: String(paginate.page.start + index) } };
  if (paginate.offset) return { query: { [paginate.offset.param]: String(paginate.offset.size * index) } };
  return {};
}

/** A link or cursor: text or number; null, false, empty and missing all mean that there is none. */
function textAt(around: unknown, path: string): string | undefined {
  const found = readPath(around, parsePath(path));
  if (typeof found === 'number') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}
