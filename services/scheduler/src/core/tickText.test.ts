import { describe, expect, it } from '@jest/globals';
import { jobDefinitionSchema, messageTypes, readMessage } from '@gleaner/contracts';
import { tickSpec, tickText, validatorsFor } from './tickText.ts';

const definition = jobDefinitionSchema.parse({ source: { http: { url: 'https://a.example/x' } }, key: 'id', retainRaw: '7d' });
const spec = tickSpec({ definition, extractionHash: 'e', requestHash: 'r' });

describe('tickText', () => {
  it('is a tick that a collector can read', () => {
    const text = tickText({ run: 'a@1', job: 'a', dataset: 'd', jobVersion: 1, try: 1, queuedAt: '2026-01-01T00:00:00.000Z', fireAt: '2026-01-01T00:00:00.000Z', token: 3, inputs: {}, spacing: undefined }, spec);
    const read = readMessage(messageTypes.tick, text);
    expect(read).toMatchObject({ ok: true, type: 'tick', tick: { v: 1, run: 'a@1', source: { http: { url: 'https://a.example/x' } }, extraction: { key: 'id' }, retainRaw: true, maxDuration: 600_000, extractionHash: 'e', requestHash: 'r' } });
    expect(text).not.toContain('spacing');
  });
});

describe('validatorsFor', () => {
  const head = { validators: { run: 'a@0', bodyHash: 'h', etag: '"1"' }, extractionHash: 'e', requestHash: 'r' };
  it.each([
    ['the same extraction and request', spec, head, false, head.validators],
    ['no snapshot yet', spec, undefined, false, undefined],
    ['another extraction', spec, { ...head, extractionHash: 'other' }, false, undefined],
    ['another request', spec, { ...head, requestHash: 'other' }, false, undefined],
    ['a snapshot that is gone', spec, head, true, undefined],
    ['a partial job', { ...spec, sendsValidators: false }, head, false, undefined],
  ])('%s', (_name, ofSpec, ofHead, without, expected) => {
    expect(validatorsFor({ spec: ofSpec, head: ofHead, without })).toEqual(expected);
  });
});
