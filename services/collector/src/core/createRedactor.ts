import { createFindForm } from './findForm.ts';
import type { Place } from './findForm.ts';
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

interface Form extends SecretForm { readonly name: string; readonly isLong: boolean; readonly find: (text: string, from: number) => Place | undefined }

/** Makes a redactor of secrets by name; where two have the same value the first gives the name. */
export function createRedactor(secrets: Iterable<readonly [string, string]>): Redactor {
  const forms: Form[] = [];
  for (const [name, value] of secrets) {
    if (value === '') continue;
    for (const form of secretForms(value)) forms.push({ ...form, name, isLong: value.length >= shortest, find: createFindForm(form) });
  }
  if (forms.length === 0) return { text: (text) => text, finds: () => false, deep: (value) => value, reach: 0 };
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

/** Looks for all forms by their signs first, and for a whole one only where its sign is: many secrets cost little until one of them is there. */
function anyOf(forms: readonly Form[]) {
  const unsigned = forms.filter(({ sign }) => sign === undefined);
  const signs = new RegExp([...new Set(forms.flatMap(({ sign = '' }) => (sign === '' ? [] : [sign])))].join('|') || '(?!)');
  const near = (text: string): readonly Form[] => (signs.test(text) ? forms.filter(({ sign }) => sign === undefined || text.includes(sign)) : unsigned);
  return {
    finds: (text: string): boolean => near(text).some(({ find }) => find(text, 0) !== undefined),
    is: (text: string): boolean => near(text).some(({ find }) => {
      const place = find(text, 0);
      return place?.from === 0 && place.to === text.length;
    }),
    replace: (text: string): string => {
      const found = near(text).flatMap((form) => placesOf(form, text));
      if (found.length === 0) return text;
      // The longer one gives the name, where one secret holds another; where two overlap nothing of either stays.
      found.sort((a, b) => a.from - b.from || b.to - a.to);
      let replaced = '';
      let done = 0;
      for (const { name, from, to } of found) {
        if (from >= done) replaced += `${text.slice(done, from)}[secret.${name}]`;
        done = Math.max(done, to);
      }
      return replaced + text.slice(done);
    },
  };
}

function placesOf({ name, find }: Form, text: string): (Place & { readonly name: string })[] {
  const places: (Place & { readonly name: string })[] = [];
  for (let place = find(text, 0); place; place = find(text, place.to)) places.push({ name, ...place });
  return places;
}
