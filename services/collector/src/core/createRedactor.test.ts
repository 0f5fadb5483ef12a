import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRedactor } from './createRedactor.ts';

const secret = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 24 });
const beside = fc.string({ unit: 'grapheme', maxLength: 12 });

describe('secrets in what leaves the collector', () => {
  it('are found in every form that a text may carry them in, whatever stands beside them', () => {
    fc.assert(fc.property(secret, beside, beside, (value, before, after) => {
      const redactor = createRedactor([['KEY', value]]);
      const form = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
      const forms = [
        value, encodeURIComponent(value), form(value), JSON.stringify(value).slice(1, -1), Buffer.from(value).toString('hex'), Buffer.from(value).toString('hex').toUpperCase(),
        encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()), Buffer.from(value).toString('base64'), Buffer.from(value).toString('base64url'),
      ];
      for (const text of forms) {
        const whole = `${before}${text}${after}`;
        expect(redactor.finds(whole)).toBe(true);
        expect(redactor.text(whole)).toContain('[secret.KEY]');
        if (!`${before}${after}`.includes(text)) expect(redactor.text(whole).includes(text)).toBe(false);
      }
      // As other languages write it, and one encoding over another.
      const strict = encodeURIComponent(value).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
      const units = (text: string, which: RegExp, upper: boolean) => text.replaceAll(which, (unit) => `\\u${(upper ? unit.charCodeAt(0).toString(16).toUpperCase() : unit.charCodeAt(0).toString(16)).padStart(4, '0')}`);
      const json = JSON.stringify(value).slice(1, -1);
      const entities = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
      const others = [
        strict, json.replaceAll('/', '\\/'), units(json, /[\u0080-\uffff]/g, false).replaceAll('/', '\\/'), units(json, /[<>&\u2028\u2029]/g, false), units(json, /[<>&'+`\u0080-\uffff]/g, true),
        entities.replaceAll("'", '&#39;'), entities.replaceAll("'", '&#x27;'), entities.replaceAll("'", '&apos;'), encodeURIComponent(encodeURIComponent(value)), encodeURIComponent(Buffer.from(value).toString('base64')),
        JSON.stringify(json).slice(1, -1), Buffer.from(value).toString('base64').replaceAll('/', '\\/').replaceAll('+', '\\u002b'),
      ];
      for (const text of others) {
        expect(redactor.finds(text)).toBe(true);
        expect(redactor.text(text)).toContain('[secret.KEY]');
        expect(redactor.text(text)).not.toContain(text);
      }
      // As a part of a longer base64 text, as in user:password: no part of the secret can be read out of what is left.
      for (const encoding of ['base64', 'base64url'] as const) {
        const left = redactor.text(Buffer.from(`${before}${value}${after}`).toString(encoding));
        expect(left).toContain('[secret.KEY]');
      }
    }), { numRuns: 50 });
  });

  it('are taken out of names and values of data, however deep; short ones only where they stand in texts about it', () => {
    const redactor = createRedactor([['LONG', 'hunter22'], ['SHORT', 'abc'], ['EMPTY', '']]);
    expect(redactor.deep({ hunter22: [1, null, { x: 'a hunter22 b', n: true }], plain: 'abc' })).toEqual({ '[secret.LONG]': [1, null, { x: 'a [secret.LONG] b', n: true }], plain: 'abc' });
    expect([redactor.finds('abc'), redactor.text('abc')]).toEqual([false, '[secret.SHORT]']);
    expect(redactor.finds('nothing of it')).toBe(false);
    // Asked again and again: a search remembers no place.
    expect([redactor.finds('hunter22'), redactor.finds('hunter22')]).toEqual([true, true]);
  });

  it('are taken out of numbers that are one, and of no other', () => {
    const redactor = createRedactor([['PIN', '12345678'], ['SHORT', '123']]);
    expect(redactor.finds('{"n":12345678}')).toBe(true);
    expect(redactor.deep({ n: 12345678, minus: [-12345678], longer: 112345678, short: 123, zero: -0 })).toEqual({ n: '[secret.PIN]', minus: ['[secret.PIN]'], longer: 112345678, short: 123, zero: -0 });
  });

  it('are looked for in time that grows with the text alone', () => {
    const redactor = createRedactor([['A', 'c0rrect "horse" \\\\ &staple/'], ['B', '"&<>\\\\\\/']]);
    for (const part of ['\\', '&', '&amp;', '%25', 'c0rrect%20', '\\u00', '"\\']) {
      const text = part.repeat(200_000 / part.length);
      const began = performance.now();
      expect([redactor.finds(text), redactor.text(text)]).toEqual([false, text]);
      expect(performance.now() - began).toBeLessThan(3_000);
    }
  });

  it('are many and long, as tokens are, and cost little until one of them is there', () => {
    const noise = (index: number, count: number): string => createHash('shake256', { outputLength: count }).update(String(index)).digest('base64url');
    const tokens = Array.from({ length: 200 }, (_value, index) => `eyJhbGciOiJSUzI1NiJ9.${noise(index, 500)}.${noise(-index, 200)}`);
    const began = performance.now();
    const redactor = createRedactor(tokens.map((token, index) => [`T${index}`, token] as const));
    expect([redactor.finds('{"id":1,"name":"eyJ aB3"}'), redactor.finds(`x${tokens[7]}`)]).toEqual([false, true]);
    expect(redactor.text(`${tokens[7]} ${Buffer.from(`u:${tokens[150]}`).toString('base64')}`)).toMatch(/^\[secret\.T7\] dTpl?\[secret\.T150\].{0,4}$/);
    expect(performance.now() - began).toBeLessThan(5_000);
    // Alike for the most part, and one that is mostly signs of punctuation.
    const alike = Array.from({ length: 100 }, (_value, index) => `${'aB3-_x'.repeat(150)}${index}`);
    const odd = '"/&<>\n'.repeat(2_000);
    const other = createRedactor([...alike.map((token, index) => [`A${index}`, token] as const), ['ODD', odd]]);
    expect(other.text(`${alike[42]} ${JSON.stringify(odd)} ${encodeURIComponent(odd)}`)).toMatch(/^\[secret\.A4\d?\]2? "\[secret\.ODD\]" \[secret\.ODD\]$/);
  });

  it('hide both of two that overlap', () => {
    expect(createRedactor([['A', 'abcdef'], ['B', 'defghi']]).text('x abcdefghi y')).toBe('x [secret.A] y');
  });

  it('are hidden by the longer name where one holds another', () => {
    expect(createRedactor([['A', 'token'], ['B', 'token-number-1']]).text('token-number-1, token')).toBe('[secret.B], [secret.A]');
  });
});
