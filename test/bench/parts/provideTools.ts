import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, cacheDirectory, canAptInstall, findOnPath, lastLines, runCommand } from '@gleaner/standalone';

const peers = join(import.meta.dirname, '../peers');

/** Where the peers' own code lies, for `PYTHONPATH` and the like. */
export const peersFolder = peers;

type Log = (line: string) => void;

/** The python of a virtual environment with the pinned packages of peers/requirements.txt; made once in the user cache. Rejects with what is missing. */
export async function providePython(log: Log): Promise<string> {
  return await provide({
    name: 'python', pins: [join(peers, 'requirements.txt')], log, result: join('bin', 'python'),
    make: async (folder) => {
      const made = await runCommand(await python3(log), ['-m', 'venv', folder]);
      if (made.code !== 0) throw new Error(`python3 -m venv failed: ${lastLines(made.output, 3)}`);
      const installed = await runCommand(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(peers, 'requirements.txt')]);
      if (installed.code !== 0) throw new Error(`pip install failed: ${lastLines(installed.output, 5)}`);
    },
  });
}

/** A folder with BullMQ and its scripts, as pinned by peers/bullmq; made once in the user cache. */
export async function provideBullmq(log: Log): Promise<string> {
  const from = join(peers, 'bullmq');
  const files = ['package.json', 'worker.mjs', 'addSchedulers.mjs'];
  const folder = await provide({
    name: 'bullmq', pins: files.map((file) => join(from, file)), log, result: '.',
    make: async (target) => {
      mkdirSync(target, { recursive: true });
      for (const file of files) copyFileSync(join(from, file), join(target, file));
      // No lock file: npm ci refuses one whose optional binary packages lag behind for some platform. What is measured is pinned exactly.
      const installed = await runCommand('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { directory: target });
      if (installed.code !== 0) throw new Error(`npm install failed: ${lastLines(installed.output, 5)}`);
    },
  });
  return folder;
}

/** The file `redis-server`, from the PATH or its package (root on Debian or Ubuntu). */
export async function provideRedis(log: Log): Promise<string> {
  return await fromPathOrPackage({ program: 'redis-server', packages: ['redis-server'], log });
}

async function python3(log: Log): Promise<string> {
  const found = await fromPathOrPackage({ program: 'python3', packages: ['python3-venv'], log });
  const ensurepip = await runCommand(found, ['-c', 'import ensurepip, venv']);
  if (ensurepip.code === 0) return found;
  if (!canAptInstall()) throw new Error('expected a python3 with venv and pip (Debian and Ubuntu: sudo apt-get install python3-venv)');
  const fault = await aptInstall(['python3-venv']);
  if (fault !== undefined) throw new Error(fault);
  return found;
}

async function fromPathOrPackage({ program, packages, log }: { program: string; packages: readonly string[]; log: Log }): Promise<string> {
  const present = findOnPath(program);
  if (present !== undefined) return present;
  if (!canAptInstall()) throw new Error(`expected ${program} on the PATH (Debian and Ubuntu: sudo apt-get install ${packages.join(' ')})`);
  log(`installing the package ${packages.join(' ')}`);
  const fault = await aptInstall(packages);
  const installed = findOnPath(program);
  if (installed === undefined) throw new Error(fault ?? `the package ${packages.join(' ')} brought no ${program}`);
  return installed;
}

/** A folder of the cache named by what it was made from; one that was left half made is made again. */
async function provide({ name, pins, result, log, make }: { name: string; pins: readonly string[]; result: string; log: Log; make: (folder: string) => Promise<void> }): Promise<string> {
  const hash = createHash('sha256');
  for (const pin of pins) hash.update(readFileSync(pin));
  const folder = join(cacheDirectory(), 'bench', `${name}-${hash.digest('hex').slice(0, 12)}`);
  const finished = join(folder, '.finished');
  if (!existsSync(finished)) {
    log(`making ${folder}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, '..'), { recursive: true });
    await make(folder);
    writeFileSync(finished, '');
  }
  return join(folder, result);
}
