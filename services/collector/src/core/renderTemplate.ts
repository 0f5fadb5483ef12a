import { parsePath, readPath } from '@gleaner/collecting';
import { parseDuration } from '@gleaner/contracts';
import { AttemptFailure } from './AttemptFailure.ts';
import { formatMoment } from './formatMoment.ts';

/** What templates may speak of. */
export interface TemplateScope {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly trigger?: unknown;
  readonly each?: string;
  /** The planned moment, ISO: the same in every attempt. */
  readonly fireAt: string;
  /** The collector's clock when the attempt began, Unix ms. */
  readonly now: number;
  /** Value of a secret; throws where there is none or where it may not go. Called only for secrets that the text names. */
  readonly secret: (name: string) => string;
}

const marks = /\{\{\s*(.*?)\s*\}\}/gs;

/** True where a text has a template that may differ from run to run; secrets do not. */
export const variesByRun = (text: string): boolean => [...text.matchAll(marks)].some(([, inside = '']) => !inside.startsWith('secret.'));

/** Names of the secrets that a text speaks of. */
export const secretsIn = (text: string): string[] => [...text.matchAll(marks)].flatMap(([, inside = '']) => /^secret\.([A-Za-z0-9_]+)$/.exec(inside)?.[1] ?? []);

/** Fills in a text's templates, each through `encode`. Throws `bad_template` for what has no value; the message never shows one. */
export function renderTemplate(text: string, scope: TemplateScope, encode: (value: string) => string = (value) => value): string {
  return text.replaceAll(marks, (_mark, inside: string) => encode(textOf(valueOf(inside, scope), inside)));
}

/** Fills in every text of a JSON value; a text that is one template alone becomes the value itself (a number stays a number). */
export function renderDeep(value: unknown, scope: TemplateScope): unknown {
  if (typeof value === 'string') {
    const alone = /^\{\{\s*([^{}]*?)\s*\}\}$/.exec(value)?.[1];
    return alone === undefined ? renderTemplate(value, scope) : valueOf(alone, scope);
  }
  if (Array.isArray(value)) return value.map((part) => renderDeep(part, scope));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, renderDeep(part, scope)]));
}

const bad = (message: string): AttemptFailure => new AttemptFailure('bad_template', message);

function valueOf(inside: string, scope: TemplateScope): unknown {
  const secret = /^secret\.([A-Za-z0-9_]+)$/.exec(inside)?.[1];
  if (secret !== undefined) return scope.secret(secret);
  if (inside === 'each') {
    if (scope.each === undefined) throw bad('{{ each }} has a value only in a source with forEach');
    return scope.each;
  }
  const moment = /^(fire\.at|now)(?:\s*([+-])\s*([\d.a-z]+))?(?:\s*\|\s*(.+))?$/.exec(inside);
  if (moment) return momentText(inside, moment, scope);
  const path = /^(params|trigger)\.(.+)$/.exec(inside);
  if (!path) throw bad(`expected params.x, secret.NAME, fire.at, now, each or trigger.item.x in a template; saw {{ ${inside} }}`);
  const found = readPath(path[1] === 'params' ? scope.params : scope.trigger, parsePath(path[2] ?? ''));
  if (found === undefined || found === null) throw bad(`{{ ${inside} }} has no value in this run`);
  return found;
}

function momentText(inside: string, [, name, sign, amount, format]: RegExpExecArray, scope: TemplateScope): string {
  const shift = amount === undefined ? 0 : parseDuration(amount);
  if (shift === undefined) throw bad(`expected a duration such as 1d or 90m in {{ ${inside} }}`);
  const ms = (name === 'now' ? scope.now : Date.parse(scope.fireAt)) + (sign === '-' ? -shift : shift);
  const text = formatMoment(ms, format ?? 'iso');
  if (text === undefined) throw bad(`expected iso, unix, ms or a pattern of yyyy MM dd HH mm ss SSS, then perhaps a time zone, in {{ ${inside} }}`);
  return text;
}

function textOf(value: unknown, inside: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw bad(`expected a text, number or boolean for {{ ${inside} }}; saw ${Array.isArray(value) ? 'a list' : 'an object'}`);
}
