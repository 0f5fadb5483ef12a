import { parseDuration, parsePath, type Path } from '@gleaner/contracts';
import { formatMoment } from './formatMoment.ts';

/** What stands between `{{` and `}}`. */
export type Template =
  | { readonly kind: 'secret'; readonly name: string }
  | { readonly kind: 'each' }
  | { readonly kind: 'moment'; readonly of: 'fire' | 'now'; readonly shiftMs: number; readonly format: string }
  | { readonly kind: 'value'; readonly root: 'params' | 'trigger'; readonly path: Path };
export type ParsedTemplate = { readonly ok: true; readonly template: Template } | { readonly ok: false; readonly reason: string };

const marks = /\{\{\s*(.*?)\s*\}\}/gs;

/** The insides of a text's templates, in order. */
export const templatesIn = (text: string): string[] => Array.from(text.matchAll(marks), ([, inside = '']) => inside);

/** The text with each template replaced by what `fill` makes of its inside. */
export const fillTemplates = (text: string, fill: (inside: string) => string): string => text.replaceAll(marks, (_mark, inside: string) => fill(inside));

/** Reads the inside of a template. */
export function parseTemplate(inside: string): ParsedTemplate {
  const secret = /^secret\.([A-Za-z0-9_]+)$/.exec(inside)?.[1];
  if (secret !== undefined) return { ok: true, template: { kind: 'secret', name: secret } };
  if (inside === 'each') return { ok: true, template: { kind: 'each' } };
  const moment = /^(fire\.at|now)(?:\s*([+-])\s*([\d.a-z]+))?(?:\s*\|\s*(.+))?$/.exec(inside);
  if (moment) return parseMoment(inside, moment);
  const path = /^(params|trigger)\.(.+)$/.exec(inside);
  if (path) return { ok: true, template: { kind: 'value', root: path[1] === 'params' ? 'params' : 'trigger', path: parsePath(path[2] ?? '') } };
  return { ok: false, reason: `expected params.x, secret.NAME, fire.at, now, each or trigger.item.x in a template; saw {{ ${inside} }}` };
}

function parseMoment(inside: string, [, name, sign, amount, format = 'iso']: RegExpExecArray): ParsedTemplate {
  const shift = amount === undefined ? 0 : parseDuration(amount);
  if (shift === undefined) return { ok: false, reason: `expected a duration such as 1d or 90m in {{ ${inside} }}` };
  if (formatMoment(0, format) === undefined) return { ok: false, reason: `expected iso, unix, ms or a pattern of yyyy MM dd HH mm ss SSS, then perhaps a time zone, in {{ ${inside} }}` };
  return { ok: true, template: { kind: 'moment', of: name === 'now' ? 'now' : 'fire', shiftMs: sign === '-' ? -shift : shift, format } };
}
