import { describe, expect, it } from '@jest/globals';
import { readJobFiles } from './readJobFiles.ts';

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
