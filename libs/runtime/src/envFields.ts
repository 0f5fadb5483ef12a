import { isIP } from 'node:net';
import { parseDuration, parseSize } from '@gleaner/contracts';

/** What one variable may hold: how it is read, what is said of it when it is wrong, and whether its value may be shown. */
export interface EnvField<T> {
  readonly variable: string;
  /** True where the value (a password, a url with one) must not be shown; it may then also come from `<variable>_FILE` or `/run/secrets`. */
  readonly secret: boolean;
  /** What is allowed, in words, for the fault. */
  readonly expected: string;
  /** Undefined where the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
  /** Absent where the variable must be set. */
  readonly fallback?: { readonly value: T };
}

/** The type that a field gives. */
export type EnvValue<F> = F extends EnvField<infer T> ? T : never;

interface FieldOptions<T> {
  /** Taken where the variable is not set (or empty); without it the variable must be set. */
  readonly default?: T;
}

function field<T>(variable: string, options: FieldOptions<T>, rest: Pick<EnvField<T>, 'expected' | 'parse'> & { secret?: boolean }): EnvField<T> {
  const { expected, parse, secret = false } = rest;
  return { variable, expected, parse, secret, ...(options.default === undefined ? {} : { fallback: { value: options.default } }) };
}

/** A text; `pattern` narrows what is allowed. */
export function string(variable: string, options: FieldOptions<string> & { readonly pattern?: RegExp } = {}): EnvField<string> {
  const { pattern } = options;
  return field(variable, options, {
    expected: pattern ? `a text that matches ${pattern.source}` : 'a text',
    parse: (text) => (pattern && !pattern.test(text) ? undefined : text),
  });
}

/** A text that is never shown, also read from `<variable>_FILE` or `/run/secrets/<variable in lower case>`; `minLength` in characters. */
export function secret(variable: string, options: FieldOptions<string> & { readonly minLength?: number } = {}): EnvField<string> {
  const minLength = options.minLength ?? 1;
  return field(variable, options, {
    secret: true,
    expected: `a secret of at least ${minLength} characters (also from ${variable}_FILE or /run/secrets/${variable.toLowerCase()})`,
    parse: (text) => (text.length < minLength ? undefined : text),
  });
}

/** A url of one of the protocols (with their colon); hidden in faults because it may carry a password. */
export function url(variable: string, options: FieldOptions<string> & { readonly protocols: readonly string[] }): EnvField<string> {
  return field(variable, options, {
    secret: true,
    expected: `a url of ${options.protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
    parse: (text) => (eachHost(text).every((one) => URL.canParse(one) && options.protocols.includes(new URL(one).protocol)) ? text : undefined),
  });
}

/** A whole number from `min` to `max`, both allowed. */
export function integer(variable: string, options: FieldOptions<number> & { readonly min: number; readonly max: number }): EnvField<number> {
  const { min, max } = options;
  return field(variable, options, {
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^[+-]?\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  });
}

/** A duration such as `500ms`, `30s`, `1h30m`, in ms, from `min` to `max` (ms). */
export function duration(variable: string, options: FieldOptions<number> & { readonly min?: number; readonly max?: number } = {}): EnvField<number> {
  const min = options.min ?? 0;
  const max = options.max ?? Number.MAX_SAFE_INTEGER;
  return field(variable, options, {
    expected: `a duration such as 500ms, 30s or 1h30m, from ${min} ms to ${max} ms`,
    parse: (text) => within(parseDuration(text), min, max),
  });
}

/** A size such as `512KiB` or `64MiB`, in bytes, from `min` to `max` (bytes). */
export function size(variable: string, options: FieldOptions<number> & { readonly min?: number; readonly max?: number } = {}): EnvField<number> {
  const min = options.min ?? 0;
  const max = options.max ?? Number.MAX_SAFE_INTEGER;
  return field(variable, options, {
    expected: `a size such as 512KiB or 64MiB, from ${min} to ${max} bytes`,
    parse: (text) => within(parseSize(text), min, max),
  });
}

/** One of a few words, exactly as written. */
export function choice<const T extends string>(variable: string, values: readonly T[], options: { readonly default?: NoInfer<T> } = {}): EnvField<T> {
  return field<T>(variable, options, { expected: `one of ${values.join(', ')}`, parse: (text) => values.find((value) => value === text) });
}

/** `on` or `off` as a boolean (also true/false, yes/no, 1/0). */
export function flag(variable: string, options: FieldOptions<boolean> = {}): EnvField<boolean> {
  return field(variable, options, {
    expected: 'on or off',
    parse: (text) => (/^(on|true|yes|1)$/i.test(text) ? true : /^(off|false|no|0)$/i.test(text) ? false : undefined),
  });
}

/** A list of words between commas or white space; `pattern` is what each must match. */
export function list(variable: string, options: FieldOptions<readonly string[]> & { readonly pattern?: RegExp } = {}): EnvField<readonly string[]> {
  const { pattern } = options;
  return field(variable, options, {
    expected: pattern ? `a list between commas, each ${pattern.source}` : 'a list between commas',
    parse: (text) => eachOf(text, (part) => (pattern && !pattern.test(part) ? undefined : part)),
  });
}

/** A network that may be reached: an address range, and a port where only that one is meant. */
export interface AllowedNetwork {
  readonly address: string;
  readonly prefix: number;
  readonly family: 4 | 6;
  readonly port?: number;
}

/** Networks as CIDR with an optional port: `10.0.0.0/8`, `127.0.0.1/32:8080`, `[fd00::]/8:443`; an address alone is that one address. */
export function cidrs(variable: string, options: FieldOptions<readonly AllowedNetwork[]> = {}): EnvField<readonly AllowedNetwork[]> {
  return field(variable, options, {
    expected: 'networks between commas such as 10.0.0.0/8, 127.0.0.1/32:8080 or [fd00::]/8:443',
    parse: (text) => eachOf(text, parseNetwork),
  });
}

/** The same field, but undefined where the variable is not set. */
export function optional<T>(inner: EnvField<T>): EnvField<T | undefined> {
  return { ...inner, fallback: { value: undefined } };
}

/** A url of MongoDB may name the members of a replica set between commas, which is no URL to anybody else: one for each of them. */
function eachHost(text: string): readonly string[] {
  const match = /^(mongodb:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)(.*)$/s.exec(text);
  if (!match) return [text];
  const [, before = '', hosts = '', rest = ''] = match;
  return hosts.split(',').map((host) => `${before}${host === '' ? ':' : host}${rest}`);
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

function eachOf<T>(text: string, parse: (part: string) => T | undefined): readonly T[] | undefined {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  const values = parts.map(parse).filter((value): value is T & {} => value !== undefined && value !== null);
  return values.length === parts.length ? Object.freeze(values) : undefined;
}

function parseNetwork(text: string): AllowedNetwork | undefined {
  const match = /^(?:\[([^\]]+)\]|([\d.]+)|([\da-f:.]*:[\da-f:.]*:[\da-f:.]*))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/i.exec(text);
  const address = match?.[1] ?? match?.[2] ?? match?.[3];
  if (!match || address === undefined) return undefined;
  const family = isIP(address);
  if (family !== 4 && family !== 6) return undefined;
  const widest = family === 4 ? 32 : 128;
  const prefix = match[4] === undefined ? widest : Number(match[4]);
  const port = match[5] === undefined ? undefined : Number(match[5]);
  if (prefix > widest || (port !== undefined && (port < 1 || port > 65_535))) return undefined;
  return Object.freeze({ address, prefix, family, ...(port === undefined ? {} : { port }) });
}
