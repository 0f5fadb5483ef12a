import { describe, expect, it } from '@jest/globals';
import { readJobFiles } from './readJobFiles.ts';
import { readMoment } from './readMoment.ts';
import { shown, table } from './table.ts';

describe('table', () => {
  it('aligns columns by what is seen, cuts what is long, and lets no control character through', () => {
    expect(table(['A', 'B'], [['é', 1], ['long', undefined], ['\u001b[31m', { a: 1 }]])).toBe('A       B\né       1\nlong\n·[31m   {"a":1}\n'.replace('A       B', 'A      B').replaceAll('é       1', 'é      1').replaceAll('·[31m   ', '·[31m  '));
    expect(table(['A'], [['x'.repeat(100)]], { maxWidth: 5 })).toBe('A\nxxxx…\n');
    expect(shown('a\nb\tc')).toBe('a⏎b c');
    expect([shown(-0), shown({ a: [-0], b: undefined, at: new Date(0) })]).toEqual(['-0', '{"a":[-0],"at":"1970-01-01T00:00:00.000Z"}']);
  });
});

describe('readMoment', () => {
  const now = new Date('2026-11-20T12:00:00Z');
  it.each([['now', '2026-11-20T12:00:00.000Z'], ['2h', '2026-11-20T10:00:00.000Z'], ['-90m', '2026-11-20T10:30:00.000Z'], ['+1d', '2026-11-21T12:00:00.000Z'], ['2026-11-01', '2026-11-01T00:00:00.000Z'], ['2026-11-01T02:00:00+02:00', '2026-11-01T00:00:00.000Z']])('reads %s', (text, iso) => {
    expect(readMoment(text, now)).toBe(iso);
  });
  it.each(['yesterday', '', '2026-13-01', '12'])('refuses %j', (text) => {
    if (text === '12') return expect(readMoment('12ms', now)).toBe('2026-11-20T11:59:59.988Z');
    expect(() => readMoment(text, now)).toThrow('expected a moment');
  });
});

describe('readJobFiles', () => {
  const io = (files: Record<string, string>) => ({
    readText: async (path: string) => files[path] ?? Promise.reject(new Error('ENOENT')),
    listFolder: async (path: string) => (path.endsWith('/') ? Object.keys(files) : undefined),
  });
  it('takes the id from the file where the job has none, and several jobs from one file', async () => {
    const files = { 'jobs/rates.yaml': 'source: {http: {url: "https://x"}}\n', 'jobs/more.yaml': 'id: a\nkey: k\n---\nid: b\nwhere: {n: 9007199254740993}\n', 'jobs/c.json': '{"id": "c"}' };
    const jobs = await readJobFiles(['jobs/'], io(files));
    expect(jobs.map(({ id, type }) => [id, type])).toEqual([['rates', 'application/yaml'], ['a', 'application/yaml'], ['b', 'application/yaml'], ['c', 'application/json']]);
    expect(jobs[0]?.text).toBe(files['jobs/rates.yaml']);
    expect(jobs[2]?.text).toContain('9007199254740993');
  });
  it.each([['', 'empty'], ['- a', 'an object'], ['a: [', 'jobs/x.yaml'], ['a: 1\na: 2', 'unique']])('refuses %j', async (text, said) => {
    await expect(readJobFiles(['jobs/x.yaml'], io({ 'jobs/x.yaml': text }))).rejects.toThrow(said);
  });
  it('says which file cannot be read', async () => {
    await expect(readJobFiles(['nowhere.yaml'], io({}))).rejects.toThrow('nowhere.yaml cannot be read');
    await expect(readJobFiles(['empty/'], io({}))).rejects.toThrow('saw none');
  });
});
