import { describe, expect, it } from '@jest/globals';
import { jobEtag, versionOfIfMatch } from './jobEtag.ts';

describe('jobEtag', () => {
  it('says the version, and what changes by itself behind it', () => {
    expect([jobEtag(3), jobEtag(3, 'x_-1')]).toEqual(['"3"', '"3.x_-1"']);
    expect(['"3"', '"3.x_-1"', 'W/"3"', ' "3" '].map(versionOfIfMatch)).toEqual([3, 3, 3, 3]);
    expect([undefined, '*'].map(versionOfIfMatch)).toEqual([undefined, undefined]);
    for (const header of ['3', '""', '"x"', '"3", "4"']) expect(() => versionOfIfMatch(header)).toThrow(expect.objectContaining({ code: 'bad_header' }));
  });
});
