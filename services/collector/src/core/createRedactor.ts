import { secretForms } from './secretForms.ts';
import type { SecretForm } from './secretForms.ts';

/** Keeps secrets out of everything that leaves the collector. */
export interface Redactor {
  /** The text with every secret, raw or encoded, replaced by its name. */
  text(text: string): string;
  /** True where a text holds a secret; short secrets (below 4 characters) count only in `text`. */
  finds(text: string): boolean;
  /** The value with every text and name in it redacted, and every number that is a secret. */
  deep(value: unknown): unknown;
  /** Characters of the longest form of a secret: so many at the end of a text that was cut short may be the beginning of one. */
  readonly reach: number;
}

const shortest = 4;

interface Form extends SecretForm { readonly name: string; readonly isLong: boolean }

/** Makes a redactor of secrets by name; where two have the same value the first gives the name. */
export function createRedactor(secrets: Iterable<readonly [string, string]>): Redactor {
  const forms: Form[] = [];
  for (const [name, value] of secrets) {
    if (value === '') continue;
    for (const form of secretForms(value)) forms.push({ ...form, name, isLong: value.length >= shortest });
  }
  if (forms.length === 0) return { text: (text) => text, finds: () => false, deep: (value) => value, reach: 0 };
  // The longer one first, where one secret holds another.
  forms.sort((a, b) => b.pattern.length - a.pattern.length);
  const every = anyOf(forms);
  const long = forms.filter(({ isLong }) => isLong);
  const some = long.length > 0 ? anyOf(long) : undefined;
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return some ? some.replace(value) : value;
    if (typeof value === 'number') return some?.is(String(Math.abs(value))) === true ? some.replace(String(Math.abs(value))) : value;
    if (Array.isArray(value)) return value.map(deep);
    if (typeof value !== 'object' || value === null || !some) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [some.replace(name), deep(part)]));
  };
  return { text: every.replace, finds: (text) => some?.finds(text) === true, deep, reach: Math.max(...forms.map(({ reach }) => reach)) };
}

function anyOf(forms: readonly Form[]) {
  const source = forms.map(({ pattern }) => pattern).join('|');
  const signs = new RegExp([...new Set(forms.map(({ sign }) => sign))].join('|'));
  const anywhere = new RegExp(source);
  const each = new RegExp(source, 'g');
  const whole = new RegExp(`^(?:${source})$`);
  const [first] = forms;
  const oneName = forms.every(({ name }) => name === first?.name) ? first?.name : undefined;
  const wholes = new Map<Form, RegExp>();
  const isForm = (form: Form, text: string): boolean => {
    const own = wholes.get(form) ?? new RegExp(`^(?:${form.pattern})$`);
    wholes.set(form, own);
    return own.test(text);
  };
  const nameOf = (found: string): string => oneName ?? forms.find((form) => isForm(form, found))?.name ?? '';
  return {
    finds: (text: string): boolean => signs.test(text) && anywhere.test(text),
    is: (text: string): boolean => whole.test(text),
    replace: (text: string): string => (signs.test(text) ? text.replaceAll(each, (found) => `[secret.${nameOf(found)}]`) : text),
  };
}
