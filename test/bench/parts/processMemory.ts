import { readFileSync } from 'node:fs';

const mebibyte = 1_024 ** 2;

/** Resident memory of a process now and at its peak, MiB, as Linux tells it; throws where there is no such process or no /proc. */
export function processMemory(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) * 1_024) / mebibyte;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}
