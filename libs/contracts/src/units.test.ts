import { describe, expect, it } from '@jest/globals';
import { parseDuration, parseSize } from './units.ts';

describe('parseDuration', () => {
  it.each([['30s', 30_000], ['1h30m', 5_400_000], ['2d', 172_800_000], ['1w', 604_800_000], ['250ms', 250], ['0.5s', 500], [1_500, 1_500], [0, 0]])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  it.each(['', 'soon', '10', '-1s', '1h 30', '1y', -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%s is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('parseSize', () => {
  it.each([['64MiB', 67_108_864], ['500KB', 500_000], ['1 GiB', 1_073_741_824], [12, 12]])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });
  it.each(['', '64', '64 apples', -1, 1.5])('%s is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});
