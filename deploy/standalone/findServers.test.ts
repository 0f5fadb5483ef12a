import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findMongod } from './findMongod.ts';
import { installedRabbitmq } from './installedRabbitmq.ts';
import { isOlder } from './isOlder.ts';
import { rabbitmqVersion } from './rabbitmqVersion.ts';

let folder = '';
const path = process.env['PATH'];
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'gleaner-find-')); });
afterEach(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

/** A program that says this. */
function program(name: string, says: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(file, 0o755);
  return file;
}

it.each([['3.9.13', '3.10', true], ['3.10', '3.10', false], ['3.10.8', '3.10', false], ['4.1', '3.10', false], ['4.4.29', '6.0', true], ['6.0', '6.0.5', true]])('%s is older than %s: %s', (version, least, older) => {
  expect(isOlder(version, least)).toBe(older);
});

it('a mongod on the PATH that is too old is passed over, for one that will do', async () => {
  const old = program('bin/mongod', 'db version v4.4.29');
  const cached = program('cache/mongod/mongod-new', 'db version v7.0.14');
  process.env['PATH'] = `${dirname(old)}${delimiter}${path}`;
  expect(await findMongod({ cache: join(folder, 'cache'), log: () => {} })).toEqual({ file: cached });
  program('bin/mongod', 'db version v6.0.5');
  expect(await findMongod({ cache: join(folder, 'cache'), log: () => {} })).toEqual({ file: old });
});

it('a rabbitmq-server that is too old is passed over, for one on the PATH that will do; where there is none, every one is told of', async () => {
  const debianScript = program('lib/rabbitmq_server-3.8.9/sbin/rabbitmq-server', '');
  process.env['PATH'] = join(folder, 'bin');
  expect(await installedRabbitmq({ debianScript: join(folder, 'nothing') })).toEqual({ faults: ['no rabbitmq-server on the PATH'] });
  expect(await installedRabbitmq({ debianScript })).toEqual({ faults: [`${debianScript} is RabbitMQ 3.8.9, and 3.10 or newer is needed`] });
  const onPath = join(folder, 'bin/rabbitmq-server');
  mkdirSync(dirname(onPath));
  const old = program('Cellar/rabbitmq/3.9.29/sbin/rabbitmq-server', '');
  symlinkSync(old, onPath);
  expect(await installedRabbitmq({ debianScript })).toEqual({ faults: [expect.stringContaining('3.8.9'), `${onPath} is RabbitMQ 3.9.29, and 3.10 or newer is needed`] });
  rmSync(onPath);
  symlinkSync(program('Cellar/rabbitmq/3.10.0/sbin/rabbitmq-server', ''), onPath);
  expect(await installedRabbitmq({ debianScript })).toEqual({ file: onPath });
});

describe('the version of a rabbitmq-server', () => {
  it.each(['lib/rabbitmq_server-3.8.9/sbin', 'Cellar/rabbitmq/3.8.9/sbin'])('is in the name of its folder: %s', async (place) => {
    const real = program(`${place}/rabbitmq-server`, '');
    const link = join(folder, 'rabbitmq-server');
    symlinkSync(real, link);
    expect(await rabbitmqVersion(link)).toBe('3.8.9');
  });

  it('or is told by the rabbitmqctl beside it, or is not known', async () => {
    const file = program('opt/sbin/rabbitmq-server', '');
    expect(await rabbitmqVersion(file)).toBeUndefined();
    program('opt/sbin/rabbitmqctl', '3.12.1');
    expect(await rabbitmqVersion(file)).toBe('3.12.1');
  });
});
