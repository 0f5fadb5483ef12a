const token = String.raw`[\w!#$&+.^\`|~*-]+`;
/** A value in quotes of either kind (single ones are no HTTP, and are sent), or bare. */
const value = String.raw`"(?:[^"\\]|\\.)*"|'[^']*'|[^",;\s]*`;
const links = new RegExp(String.raw`<\s*([^>]*?)\s*>((?:\s*;\s*(?:${token}(?:\s*=\s*(?:${value}))?)?)*)`, 'g');
const parameters = new RegExp(String.raw`;\s*(${token})(?:\s*=\s*(${value}))?`, 'g');

/** The target of `rel="next"` in a Link header; undefined where there is none. Of several `rel` the first counts (RFC 8288). */
export function nextLinkOf(header: string | undefined): string | undefined {
  for (const [, target, given = ''] of (header ?? '').matchAll(links)) {
    const rel = [...given.matchAll(parameters)].find(([, name = '']) => name.toLowerCase() === 'rel')?.[2] ?? '';
    if (rel.replace(/^(["'])(.*)\1$/, '$2').toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
}
