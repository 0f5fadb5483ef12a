import { docsPage } from '../docsPage.ts';
import { json, text } from '../http/answer.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { openapi } from '../openapi.ts';

/** The routes that tell of all the others; `routes` is asked for when the first reader comes. */
export function documentation({ routes, version }: { readonly routes: () => readonly Route[]; readonly version: string }): Route[] {
  let document: ReturnType<typeof openapi> | undefined;
  let page: string | undefined;
  return [
    defineRoute({
      method: 'GET', path: '/openapi.json', scope: 'open', tag: 'documentation', summary: 'This API as OpenAPI 3.1',
      answers: { 200: { description: 'The document.', types: ['application/json'] } },
      handle: () => json((document ??= openapi({ routes: routes(), version }))),
    }),
    defineRoute({
      method: 'GET', path: '/docs', scope: 'open', tag: 'documentation', summary: 'This API as a page for people',
      answers: { 200: { description: 'HTML without anything from elsewhere.', types: ['text/html'] } },
      handle: () => text((page ??= docsPage({ routes: routes(), version })), 'text/html; charset=utf-8', { headers: { 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'" } }),
    }),
  ];
}
