import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvField, EnvValue } from './envFields.ts';

/** One variable that is missing or wrong; `seen` is masked where the value is a secret. */
export interface EnvFault {
  readonly variable: string;
  readonly expected: string;
  readonly seen: string;
}

/** All faults of an environment in one error: nothing starts on a configuration that was half understood. */
export class EnvError extends Error {
  readonly code = 'bad_environment';
  readonly faults: readonly EnvFault[];
  constructor(faults: readonly EnvFault[]) {
    super(`bad configuration: ${faults.map(({ variable, expected, seen }) => `${variable}: expected ${expected}, got ${seen}`).join('; ')}`);
    this.name = 'EnvError';
    this.faults = faults;
  }
}

/** Where variables and secret files come from; tests pass their own, services none. */
export interface EnvSource {
  readonly variables?: Readonly<Record<string, string | undefined>>;
  /** Folder of secret files as containers mount it; default `/run/secrets`. */
  readonly secretsFolder?: string;
}

/** What is told of a secret that templates may use: its value and, where given, the only origins it may go to. */
export interface SecretEntry {
  readonly value: string;
  readonly origins?: readonly string[];
}

/**
 * The configuration that a schema of fields describes, frozen. An empty variable counts as not set.
 * Throws one EnvError that lists every fault; a bad value never becomes the default.
 */
export function readEnv<const S extends Readonly<Record<string, EnvField<unknown>>>>(
  schema: S,
  source: EnvSource = {},
): { readonly [K in keyof S]: EnvValue<S[K]> } {
  const faults: EnvFault[] = [];
  const values = readFields(schema, source, faults);
  if (faults.length > 0) throw new EnvError(faults);
  return values;
}

/** The configuration and, beside it, every secret that templates may use; the faults of both in one EnvError. */
export function readEnvAndSecrets<const S extends Readonly<Record<string, EnvField<unknown>>>>(
  schema: S,
  source: EnvSource = {},
): { readonly values: { readonly [K in keyof S]: EnvValue<S[K]> }; readonly secrets: ReadonlyMap<string, SecretEntry> } {
  const faults: EnvFault[] = [];
  const values = readFields(schema, source, faults);
  const secrets = readSecrets(source, faults);
  if (faults.length > 0) throw new EnvError(faults);
  return { values, secrets };
}

function readFields<const S extends Readonly<Record<string, EnvField<unknown>>>>(schema: S, source: EnvSource, faults: EnvFault[]): { readonly [K in keyof S]: EnvValue<S[K]> } {
  const entries = Object.entries(schema).map(([key, field]) => [key, readField(field, source, faults)] as const);
  return Object.freeze(Object.fromEntries(entries)) as { readonly [K in keyof S]: EnvValue<S[K]> };
}

/**
 * Every secret by its name: `X` from `SECRET_X`, from the file named by `SECRET_X_FILE`, or from `/run/secrets/secret_x`,
 * with `SECRET_X_ORIGINS` (scheme, host and port between commas) where it is given.
 * Files that cannot be read, empty secrets and origins that are none are faults.
 */
function readSecrets(source: EnvSource, faults: EnvFault[]): ReadonlyMap<string, SecretEntry> {
  const variables = source.variables ?? process.env;
  const secrets = new Map<string, SecretEntry>();
  const given = Object.keys(variables).filter((variable) => variables[variable]);
  const mounted = listFolder(source.secretsFolder ?? '/run/secrets').map((file) => file.toUpperCase());
  const names = new Set([...given, ...mounted].flatMap((variable) => /^SECRET_([A-Z0-9_]+?)(?:_FILE|_ORIGINS)?$/.exec(variable)?.[1] ?? []));
  for (const name of names) {
    const variable = `SECRET_${name}`;
    const origins = readOrigins(`${variable}_ORIGINS`, variables[`${variable}_ORIGINS`], faults);
    const text = readText({ variable, secret: true }, source, faults);
    if (text === undefined) {
      if (!faults.some((fault) => fault.variable.startsWith(variable))) faults.push({ variable, expected: `a value, because ${variable}_ORIGINS is set`, seen: 'nothing' });
      continue;
    }
    secrets.set(name, Object.freeze({ value: text, ...(origins ? { origins } : {}) }));
  }
  return secrets;
}

/** True where the launcher holds a pipe to this process's stdin and its end means that this process should end too. */
export function endsWithParent(source: EnvSource = {}): boolean {
  return (source.variables ?? process.env)['GLEANER_PARENT_PIPE'] === '1';
}

function readField(field: EnvField<unknown>, source: EnvSource, faults: EnvFault[]): unknown {
  const before = faults.length;
  const text = readText(field, source, faults);
  if (text === undefined) {
    if (faults.length > before) return undefined;
    if (field.fallback) return field.fallback.value;
    faults.push({ variable: field.variable, expected: field.expected, seen: 'nothing (it must be set)' });
    return undefined;
  }
  const value = field.parse(text);
  if (value === undefined) faults.push({ variable: field.variable, expected: field.expected, seen: shown(text, field.secret) });
  return value;
}

/** The raw text of a variable: itself, then (secrets only) the file that it names, then a mounted secret. */
function readText(field: Pick<EnvField<unknown>, 'variable' | 'secret'>, source: EnvSource, faults: EnvFault[]): string | undefined {
  const variables = source.variables ?? process.env;
  const direct = variables[field.variable]?.trim();
  const fileVariable = `${field.variable}_FILE`;
  const file = field.secret ? variables[fileVariable]?.trim() : undefined;
  if (direct && file) {
    faults.push({ variable: fileVariable, expected: `only one of ${field.variable} and ${fileVariable}`, seen: 'both' });
    return undefined;
  }
  if (direct) return direct;
  if (!field.secret) return undefined;
  if (file) {
    const content = readFile(file);
    if (content === undefined || content === '') {
      faults.push({ variable: fileVariable, expected: 'the path of a readable file that is not empty', seen: JSON.stringify(file) });
      return undefined;
    }
    return content;
  }
  const folder = source.secretsFolder ?? '/run/secrets';
  return readFile(join(folder, field.variable.toLowerCase())) || readFile(join(folder, field.variable)) || undefined;
}

/** Undefined where the file is not there or unreadable: the caller says so by name where the file was asked for. */
function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Empty where there is no such folder, as everywhere but in containers. */
function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readOrigins(variable: string, text: string | undefined, faults: EnvFault[]): readonly string[] | undefined {
  if (!text?.trim()) return undefined;
  const parts = text.split(/[\s,]+/).filter((part) => part !== '');
  const bad = parts.find((part) => !isOrigin(part));
  if (bad !== undefined) {
    faults.push({ variable, expected: 'origins between commas such as https://api.example or http://127.0.0.1:8081', seen: JSON.stringify(bad) });
    return undefined;
  }
  return Object.freeze(parts.map((part) => new URL(part).origin));
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && pathname === '/' && !search && !hash && !username && !password;
}

function shown(text: string, secret: boolean): string {
  if (secret) return `a hidden value of ${text.length} characters`;
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
