import type { Answer } from './http/answer.ts';
import { json } from './http/answer.ts';
import type { RawRequest } from './http/route.ts';

/** The URL of the next page: the same with another cursor, relative to this host, however the client came to it. */
export function nextUrl(request: Pick<RawRequest, 'url'>, next: string): string {
  const url = new URL(request.url, 'http://host');
  url.searchParams.set('after', next);
  return `${url.pathname}${url.search}`;
}

/** A page of a list under the plural's own name, with `next` and its Link header where there is more. */
export function listPage(request: Pick<RawRequest, 'url'>, page: Readonly<Record<string, unknown>> & { readonly next?: string | undefined }): Answer {
  return json(page, page.next === undefined ? {} : { headers: { link: `<${nextUrl(request, page.next)}>; rel="next"` } });
}
