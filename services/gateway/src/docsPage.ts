import { z } from 'zod';
import type { Route } from './http/route.ts';

/** The API as one page of HTML for people: no script, nothing fetched from anywhere. */
export function docsPage({ routes, version }: { readonly routes: readonly Route[]; readonly version: string }): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  const sections = tags.map((tag) => `<h2>${escaped(tag)}</h2>\n${routes.filter((route) => route.tag === tag).map(section).join('\n')}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Gleaner API</title>
<style>
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
code{font-family:ui-monospace,monospace;font-size:.92em}details{border:1px solid #8886;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.2rem}summary span{opacity:.75}table{border-collapse:collapse;margin:.5rem 0}
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}h2{margin-top:1.6rem;text-transform:capitalize}
</style></head><body>
<h1>Gleaner API <small>${escaped(version)}</small></h1>
<p>Send a key as <code>Authorization: Bearer …</code>. Errors are problems (RFC 9457) with a stable <code>code</code>. Lists go on with <code>after</code>, as the <code>Link</code> header says. The same as data: <a href="/openapi.json">/openapi.json</a>.</p>
${sections.join('\n')}
</body></html>
`;
}

function section(route: Route): string {
  const rows = [
    ...fieldsOf(route.schemas.params).map((cells) => ['path', ...cells]), ...fieldsOf(route.schemas.query).map((cells) => ['query', ...cells]),
    ...Object.entries(route.headers).map(([name, description]) => ['header', name, description]),
    ...(route.schemas.body instanceof z.ZodObject ? fieldsOf(route.schemas.body).map((cells) => ['body', ...cells]) : route.schemas.body ? [['body', '', 'JSON or YAML; see /openapi.json']] : []),
  ];
  const answers = Object.entries(route.answers).map(([status, { description, types }]) => [status, description, types?.join(', ') ?? '']);
  return `<details><summary><b>${route.method}</b> <code>${escaped(route.path)}</code> <span>${escaped(route.summary)}</span></summary>
<p>${route.scope === 'open' ? 'No key needed.' : `Scope <code>${route.scope}</code>.`}</p>${table(rows)}${table(answers)}</details>`;
}

const fieldsOf = (schema: z.ZodObject): string[][] => Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, field]) => [name, field.meta()?.description ?? '']);
const table = (rows: readonly (readonly string[])[]): string => (rows.length === 0 ? '' : `<table>${rows.map((cells) => `<tr>${cells.map((cell, index) => `<td>${index < 2 ? `<code>${escaped(cell)}</code>` : escaped(cell)}</td>`).join('')}</tr>`).join('')}</table>`);
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
