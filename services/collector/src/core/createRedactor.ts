/** Keeps secrets out of everything that leaves the collector. */
export interface Redactor {
  /** The text with every secret, raw or encoded, replaced by its name. */
  text(text: string): string;
  /** True where a text holds a secret; short secrets (below 4 characters) count only in `text`. */
  finds(text: string): boolean;
  /** The value with every text and name in it redacted. */
  deep(value: unknown): unknown;
  /** Characters of the longest form of a secret: so many at the end of a text that was cut short may be the beginning of one. */
  readonly reach: number;
}

const shortest = 4;

/**
 * Makes a redactor of secrets by name. It knows each value raw, percent-encoded (either case), form-encoded, JSON-escaped, in hexadecimal and in base64,
 * also as a part of a longer base64 text (as in `user:password`).
 */
export function createRedactor(secrets: Iterable<readonly [string, string]>): Redactor {
  const names = new Map<string, string>();
  const long: string[] = [];
  for (const [name, value] of secrets) {
    if (value === '') continue;
    for (const form of formsOf(value)) {
      if (!names.has(form)) names.set(form, name);
      if (value.length >= shortest) long.push(form);
    }
  }
  if (names.size === 0) return { text: (text) => text, finds: () => false, deep: (value) => value, reach: 0 };
  const pattern = (forms: Iterable<string>): RegExp => new RegExp([...forms].sort((a, b) => b.length - a.length).map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
  const every = pattern(names.keys());
  const some = long.length > 0 ? pattern(long) : undefined;
  const replace = (text: string, forms: RegExp): string => text.replaceAll(forms, (form) => `[secret.${names.get(form) ?? ''}]`);
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return some ? replace(value, some) : value;
    if (Array.isArray(value)) return value.map(deep);
    if (typeof value !== 'object' || value === null || !some) return value;
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [replace(name, some), deep(part)]));
  };
  return {
    text: (text) => replace(text, every),
    finds: (text) => {
      if (!some) return false;
      some.lastIndex = 0;
      return some.test(text);
    },
    deep,
    reach: Math.max(...Array.from(names.keys(), (form) => form.length)),
  };
}

function formsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value);
  const percent = encodeURIComponent(value);
  const form = new URLSearchParams([['', value]]).toString().slice(1);
  const hex = bytes.toString('hex');
  const forms = [value, percent, lowerPercent(percent), form, lowerPercent(form), encodeURI(value), JSON.stringify(value).slice(1, -1), hex, hex.toUpperCase()];
  forms.push(bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('base64').replace(/=+$/, ''));
  // Inside a longer base64 text the value may begin at any of three offsets; the characters that its neighbours share with it are left out.
  for (const before of [0, 1, 2]) {
    const inner = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '');
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const part = inner.slice(from, to);
    if (part.length >= shortest) forms.push(part, part.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return new Set(forms.filter((text) => text !== ''));
}

const lowerPercent = (text: string): string => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
