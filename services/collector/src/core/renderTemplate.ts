import { readPath } from '@gleaner/contracts';
import { fillTemplates, formatMoment, parseTemplate, templatesIn } from '@gleaner/collecting';
import { AttemptFailure } from './AttemptFailure.ts';

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

/** True where a text has a template that may differ from run to run; secrets do not. */
export const variesByRun = (text: string): boolean => templatesIn(text).some((inside) => !inside.startsWith('secret.'));

/** Names of the secrets that a text speaks of. */
export const secretsIn = (text: string): string[] => templatesIn(text).flatMap((inside) => {
  const parsed = parseTemplate(inside);
  return parsed.ok && parsed.template.kind === 'secret' ? [parsed.template.name] : [];
});

/** Fills in a text's templates, each through `encode`. Throws `bad_template` for what has no value; the message never shows one. */
export function renderTemplate(text: string, scope: TemplateScope, encode: (value: string) => string = (value) => value): string {
  return fillTemplates(text, (inside) => encode(textOf(valueOf(inside, scope), inside)));
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
  const parsed = parseTemplate(inside);
  if (!parsed.ok) throw bad(parsed.reason);
  const { template } = parsed;
  switch (template.kind) {
    case 'secret': return scope.secret(template.name);
    case 'each':
      if (scope.each === undefined) throw bad('{{ each }} has a value only in a source with forEach');
      return scope.each;
    case 'moment': {
      const text = formatMoment((template.of === 'now' ? scope.now : Date.parse(scope.fireAt)) + template.shiftMs, template.format);
      if (text === undefined) throw bad(`expected a moment in {{ ${inside} }}; it has none`);
      return text;
    }
    case 'value': {
      const found = readPath(template.root === 'params' ? scope.params : scope.trigger, template.path);
      if (found === undefined || found === null) throw bad(`{{ ${inside} }} has no value in this run`);
      return found;
    }
  }
}

function textOf(value: unknown, inside: string): string {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw bad(`expected text that UTF-8 can hold for {{ ${inside} }}; saw a lone surrogate`);
    return value;
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw bad(`expected a text, number or boolean for {{ ${inside} }}; saw ${Array.isArray(value) ? 'a list' : 'an object'}`);
}
