import { pathFault, type Fault, type HttpSource, type Source } from '@gleaner/contracts';
import { headerValueFault } from './headerValueFault.ts';
import { fillTemplates, parseTemplate, templatesIn } from './template.ts';

/**
 * What is wrong with a job's source that its shape does not show: its url, its templates, the paths that pages are found by. Each fault with its path in the job,
 * a code, and what was expected. What a template stands for may still be missing in a run.
 */
export function sourceFaults(source: Source): Fault[] {
  if (!('http' in source)) return [];
  const { http } = source;
  const { paginate } = http;
  const pagePath = (at: string, path: string | undefined): Fault[] => {
    const message = path === undefined ? undefined : pathFault(path);
    return message === undefined ? [] : [{ path: `source.http.paginate.${at}.path`, code: 'bad_path', message }];
  };
  return [
    ...urlFaults(http.url),
    ...templateFaults(http),
    ...headerFaults(http),
    ...pagePath('next', typeof paginate?.next === 'object' ? paginate.next.path : undefined),
    ...pagePath('cursor', paginate?.cursor?.path),
  ];
}

/** Scheme, host and port are literal: they decide what limits apply, and no item may choose whom the collector calls. */
function urlFaults(url: string): Fault[] {
  const path = 'source.http.url';
  const origin = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];
  if (origin === undefined || origin.includes('{{')) return [{ path, code: 'templated_origin', message: 'expected scheme, host and port without a template; templates may stand behind them' }];
  return URL.canParse(url.replaceAll(/\{\{.*?\}\}/g, 'x')) ? [] : [{ path, code: 'bad_url', message: `expected a URL; saw ${JSON.stringify(url)}` }];
}

function templateFaults({ url, query, headers, body, auth, forEach }: HttpSource): Fault[] {
  const { oauth2, ...plainAuth } = auth ?? {};
  const reasonOf = (inside: string): string | undefined => {
    const parsed = parseTemplate(inside);
    if (!parsed.ok) return parsed.reason;
    return parsed.template.kind === 'each' && !forEach ? '{{ each }} has a value only in a source with forEach' : undefined;
  };
  // A token is kept beyond a run, so nothing that differs from run to run may decide it.
  const reasonInToken = (inside: string): string | undefined => (inside.startsWith('secret.') ? reasonOf(inside) : `expected templates of secrets alone in what a token is asked for with; saw {{ ${inside} }}`);
  const of = (texts: readonly PlacedText[], judge: (inside: string) => string | undefined): Fault[] =>
    texts.flatMap(({ path, text }) => templatesIn(text).flatMap((inside): Fault[] => {
      const message = judge(inside);
      return message === undefined ? [] : [{ path, code: 'bad_template', message }];
    }));
  return [...of(textsIn({ url, query, headers, body, auth: plainAuth }, 'source.http'), reasonOf), ...of(textsIn(oauth2, 'source.http.auth.oauth2'), reasonInToken)];
}

/** Headers that decide what 304 means: the collector sends its own, from the newest snapshot. */
const validators: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since']);

/** Why a text is no name of a header; undefined where it is one. No template stands in a name, so it is judged here alone. */
const headerNameFault = (name: string): string | undefined => (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) ? undefined : `expected a header name; saw ${JSON.stringify(name)}`);

function headerFaults({ headers = {}, auth }: HttpSource): Fault[] {
  const judge = (path: string, name: string, value: string): Fault[] => {
    const message = headerNameFault(name) ?? headerValueFault(fillTemplates(value, () => '')) ??
      (validators.has(name.toLowerCase()) ? `expected no ${name}: the collector sends the validators of the newest snapshot itself` : undefined);
    return message === undefined ? [] : [{ path, code: 'bad_header', message }];
  };
  return [
    ...Object.entries(headers).flatMap(([name, value]) => judge(`source.http.headers.${name}`, name, value)),
    ...(auth?.header ? judge('source.http.auth.header', auth.header.name, auth.header.value) : []),
    ...(auth?.bearer === undefined ? [] : judge('source.http.auth.bearer', 'authorization', auth.bearer)),
  ];
}

interface PlacedText { readonly path: string; readonly text: string }

/** Every text in a value, with its dotted path. */
function textsIn(value: unknown, path: string): PlacedText[] {
  if (typeof value === 'string') return [{ path, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => textsIn(part, `${path}.${name}`));
}
