import { readdirSync, readFileSync } from 'node:fs';
import { extractionHash, parseJob } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { makeFeeds } from './feeds.ts';

const folder = new URL('jobs/', import.meta.url);
const files = readdirSync(folder);
const read = (file: string): { id: string; source: { http: { url: string } } } => parse(readFileSync(new URL(file, folder), 'utf8')) as never;
const paths = makeFeeds({ seed: 1, steps: { auctions: 1, rates: 1, manifest: 1 } }).map(({ path }) => path);

describe('sample jobs', () => {
  it('are one for each feed', () => {
    const asked = files.map((file) => new URL(read(file).source.http.url));
    expect(asked.every(({ host }) => host === 'playback')).toBe(true);
    expect(asked.map(({ pathname }) => pathname).sort()).toEqual([...paths].sort());
  });

  it.each(files)('%s is a valid job named as its file', (file) => {
    const body = read(file);
    expect(`${body.id}.yaml`).toBe(file);
    const parsed = parseJob(body.id, body);
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(extractionHash(parsed.definition)).toMatch(/^[\da-f]{32}$/);
  });

  it('keep the key of the auction house as a reference', () => {
    expect(readFileSync(new URL('auctions.yaml', folder), 'utf8')).toContain('{{ secret.TSM_KEY }}');
    for (const file of files) expect(readFileSync(new URL(file, folder), 'utf8')).not.toContain('demo-key');
  });
});
