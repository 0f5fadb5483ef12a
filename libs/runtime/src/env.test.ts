import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EnvError, readEnv, readEnvAndSecrets, type EnvSource } from './env.ts';
import { choice, cidrs, duration, flag, integer, list, optional, secret, size, string, url } from './envFields.ts';

const schema = {
  amqpUrl: url('AMQP_URL', { protocols: ['amqp:', 'amqps:'] }),
  port: integer('PORT', { default: 8080, min: 0, max: 65_535 }),
  concurrency: integer('CONCURRENCY', { default: 8, min: 1, max: 256 }),
  grace: duration('GRACE', { default: 30_000, min: 1_000, max: 3_600_000 }),
  maxBody: size('MAX_BODY', { default: 1_048_576 }),
  level: choice('LEVEL', ['debug', 'info'], { default: 'info' }),
  demo: flag('DEMO', { default: false }),
  name: string('NAME', { default: 'gleaner', pattern: /^[a-z-]+$/ }),
  tags: list('TAGS', { default: [] }),
  networks: cidrs('NETWORKS', { default: [] }),
  adminKey: optional(secret('ADMIN_KEY', { minLength: 8 })),
};
const read = (variables: Record<string, string>, secretsFolder = '/nonexistent') => readEnv(schema, { variables, secretsFolder });
const faultsOf = (act: () => unknown): EnvError['faults'] => {
  try {
    act();
  } catch (error) {
    if (error instanceof EnvError) return error.faults;
    throw error;
  }
  return [];
};
const withFolder = (fn: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), 'gleaner-env-'));
  try {
    fn(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe('readEnv', () => {
  it('reads each variable into its own place', () => {
    const variables = { AMQP_URL: 'amqp://u:p@h:1/v', PORT: '1', CONCURRENCY: '2', GRACE: '3s', MAX_BODY: '4KiB', LEVEL: 'debug', DEMO: 'on', NAME: 'five', TAGS: 'six, seven', NETWORKS: '10.0.0.0/8', ADMIN_KEY: 'eight-eight' };
    expect(read(variables)).toEqual({
      amqpUrl: 'amqp://u:p@h:1/v', port: 1, concurrency: 2, grace: 3_000, maxBody: 4_096, level: 'debug', demo: true, name: 'five', tags: ['six', 'seven'],
      networks: [{ address: '10.0.0.0', prefix: 8, family: 4 }], adminKey: 'eight-eight',
    });
  });

  it('takes the defaults where nothing (or nothing but space) is set, and is frozen', () => {
    const config = read({ AMQP_URL: 'amqp://h', PORT: '', NAME: '  ' });
    expect(config).toMatchObject({ port: 8080, concurrency: 8, grace: 30_000, level: 'info', demo: false, name: 'gleaner', tags: [], adminKey: undefined });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    'mongodb://a:27017,b:27017/db?replicaSet=rs0', 'mongodb://user:p%40ss@a.example:27017,[::1]:27018,c/db', 'mongodb+srv://cluster.example/db', 'mongodb://a', 'mongodb://%2Ftmp%2Fmongodb.sock/db',
  ])('takes a url of one or several hosts: %s', (given) => {
    expect(readEnv({ mongo: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }) }, { variables: { MONGO_URL: given } })).toEqual({ mongo: given });
  });

  it.each(['mongodb://a:27017,,b/db', 'mongodb://a:270170,b/db', 'mongodb://a,b:port/db', 'amqp://a,b', 'http://a', 'a:27017,b:27017'])('refuses what is no such url: %s', (given) => {
    expect(faultsOf(() => readEnv({ mongo: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }) }, { variables: { MONGO_URL: given } }))).toMatchObject([{ variable: 'MONGO_URL' }]);
  });

  it('reports every fault together, by name, with the value seen and what is allowed, and shows no secret', () => {
    const faults = faultsOf(() => read({ PORT: '65536', CONCURRENCY: '2.5', GRACE: '10', LEVEL: 'Info', DEMO: 'maybe', ADMIN_KEY: 'hunter2', AMQP_URL: 'http://u:hunter2@h' }));
    expect(faults.map(({ variable, seen }) => [variable, seen])).toEqual([
      ['AMQP_URL', 'a hidden value of 18 characters'], ['PORT', '"65536"'], ['CONCURRENCY', '"2.5"'], ['GRACE', '"10"'], ['LEVEL', '"Info"'], ['DEMO', '"maybe"'], ['ADMIN_KEY', 'a hidden value of 7 characters'],
    ]);
    expect(faults.find(({ variable }) => variable === 'PORT')?.expected).toBe('a whole number from 0 to 65535');
    expect(JSON.stringify(faults)).not.toContain('hunter2');
    expect(faultsOf(() => read({}))).toEqual([expect.objectContaining({ variable: 'AMQP_URL', seen: 'nothing (it must be set)' })]);
  });

  it.each(['', '1e3', '0x10', ' 12abc', 'NaN', '-1', '99999999999999999999'])('never takes garbage for a number: %j', (text) => {
    expect(text === '' ? read({ AMQP_URL: 'amqp://h', PORT: text }).port : faultsOf(() => read({ AMQP_URL: 'amqp://h', PORT: text }))).toEqual(text === '' ? 8080 : [expect.objectContaining({ variable: 'PORT' })]);
  });

  it('reads a secret from its variable, from the file it names, or as it is mounted; both at once is a fault', () => {
    withFolder((folder) => {
      writeFileSync(join(folder, 'key.txt'), 'from-the-file\n');
      writeFileSync(join(folder, 'amqp_url'), 'amqp://mounted\n');
      expect(read({ ADMIN_KEY_FILE: join(folder, 'key.txt') }, folder)).toMatchObject({ adminKey: 'from-the-file', amqpUrl: 'amqp://mounted' });
      expect(faultsOf(() => read({ ADMIN_KEY: 'eight-eight', ADMIN_KEY_FILE: join(folder, 'key.txt') }, folder))).toHaveLength(1);
      expect(faultsOf(() => read({ ADMIN_KEY_FILE: join(folder, 'missing') }, folder))).toEqual([expect.objectContaining({ variable: 'ADMIN_KEY_FILE' })]);
    });
  });

  it.each([
    ['127.0.0.1/32:8080', [{ address: '127.0.0.1', prefix: 32, family: 4, port: 8080 }]],
    ['10.1.2.3', [{ address: '10.1.2.3', prefix: 32, family: 4 }]],
    ['fd00::/8', [{ address: 'fd00::', prefix: 8, family: 6 }]],
    ['[::1]:9000, 10.0.0.0/8', [{ address: '::1', prefix: 128, family: 6, port: 9000 }, { address: '10.0.0.0', prefix: 8, family: 4 }]],
    ['[fd00::]/8:443', [{ address: 'fd00::', prefix: 8, family: 6, port: 443 }]],
    ['10.0.0.0/33', undefined],
    ['10.0.0/8', undefined],
    ['example.com', undefined],
    ['127.0.0.1:70000', undefined],
  ])('networks: %s', (text, expected) => {
    if (expected) expect(read({ AMQP_URL: 'amqp://h', NETWORKS: text }).networks).toEqual(expected);
    else expect(faultsOf(() => read({ AMQP_URL: 'amqp://h', NETWORKS: text }))).toHaveLength(1);
  });
});

describe('the secrets of templates', () => {
  const readSecrets = (source: EnvSource) => readEnvAndSecrets({}, source).secrets;

  it('gives names, values and origins, from variables, files and mounts', () => {
    withFolder((folder) => {
      writeFileSync(join(folder, 'token'), 'file-value\n');
      writeFileSync(join(folder, 'secret_mounted'), 'mounted-value\n');
      const secrets = readSecrets({
        variables: { SECRET_TSM_KEY: 'v1', SECRET_TSM_KEY_ORIGINS: 'https://a.example, http://127.0.0.1:8081/', SECRET_TOKEN_FILE: join(folder, 'token'), SECRET_EMPTY: '', OTHER: 'x' },
        secretsFolder: folder,
      });
      expect(Object.fromEntries(secrets)).toEqual({ TSM_KEY: { value: 'v1', origins: ['https://a.example', 'http://127.0.0.1:8081'] }, TOKEN: { value: 'file-value' }, MOUNTED: { value: 'mounted-value' } });
    });
  });

  it('reports a bad origin, an unreadable file and origins of nothing together', () => {
    const faults = faultsOf(() => readSecrets({ variables: { SECRET_A: 'hunter2', SECRET_A_ORIGINS: 'a.example/path', SECRET_B_FILE: '/nonexistent/b', SECRET_C_ORIGINS: 'https://c.example' }, secretsFolder: '/nonexistent' }));
    expect(faults.map(({ variable }) => variable).toSorted()).toEqual(['SECRET_A_ORIGINS', 'SECRET_B_FILE', 'SECRET_C']);
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });

  it('reports its faults with those of the variables, not after them', () => {
    const variables = { PORT: 'many', SECRET_B_FILE: '/nonexistent/b' };
    expect(faultsOf(() => readEnvAndSecrets({ port: schema.port }, { variables, secretsFolder: '/nonexistent' })).map(({ variable }) => variable)).toEqual(['PORT', 'SECRET_B_FILE']);
  });
});
