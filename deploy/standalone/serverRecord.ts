import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ProcessGroup } from './processes.ts';

/** What a launcher leaves behind about a server that it started, so that the next one can adopt, replace or end it. */
export type ServerRecord = {
  /** In the order in which they were started; they are ended in reverse. */
  groups: ProcessGroup[];
  ports: Record<string, number>;
  /** What was started (binary and settings that matter): a record with another one is replaced, not adopted. */
  recipe: string;
};

/** Reads a record; a missing or damaged file is no record. */
export function readServerRecord(file: string): ServerRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isServerRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a record, whole or not at all. */
export function writeServerRecord(file: string, record: ServerRecord): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(record, undefined, 2));
  renameSync(`${file}.new`, file);
}

export function forgetServerGroups(file: string): void {
  const record = readServerRecord(file);
  // The ports stay, so that the next start has the same addresses where it can.
  if (record === undefined) rmSync(file, { force: true });
  else writeServerRecord(file, { ...record, groups: [] });
}

function isServerRecord(value: unknown): value is ServerRecord {
  if (typeof value !== 'object' || value === null) return false;
  if (!('groups' in value) || !('ports' in value) || !('recipe' in value)) return false;
  return Array.isArray(value.groups) && value.groups.every(isGroup)
    && typeof value.ports === 'object' && value.ports !== null && Object.values(value.ports).every((port) => typeof port === 'number')
    && typeof value.recipe === 'string';
}

function isGroup(value: unknown): value is ProcessGroup {
  return typeof value === 'object' && value !== null && 'pid' in value && 'born' in value
    && typeof value.pid === 'number' && value.pid > 1 && typeof value.born === 'string';
}
