import { describe, expect, it } from '@jest/globals';
import { extractionFaults } from './extractionFaults.ts';
import type { JudgedParts } from './extractionFaults.ts';

describe('what is wrong with an extraction', () => {
  it.each<[JudgedParts]>([
    [{}], [{ items: '$', key: 'id' }], [{ items: 'a.b\\.c.0' }], [{ item: 'Response' }], [{ key: ['a', 'b.c', '@id'] }], [{ fields: { name: 'Name', value: { path: 'a.Value', type: 'number' }, ratio: { expr: 'a / b' }, all: '$' } }],
    [{ format: 'xml', items: 'gesmes:Envelope.Cube.Cube', key: '@currency' }],
    [{ format: 'html', items: 'table > tr.r:nth-child(2n+1)', key: '@data-id', fields: { name: 'td.n', link: 'a@href', own: '$', id: '@id', rate: { path: 'td:nth-child(2)', type: 'number' } } }],
    [{ format: 'text', items: '^(?<ccy>[A-Z]{3})=(?<rate>[\\d.]+)$', key: 'ccy' }], [{ format: 'text', items: '/a/imsu' }], [{ format: 'text', items: '/\\-/m' }],
    [{ where: { a: { $in: [1] } } }], [{ charset: 'Windows-1251' }], [{ charset: 'koi8-u' }],
  ])('takes %j', (parts) => {
    expect(extractionFaults(parts)).toEqual([]);
  });

  it.each<[JudgedParts, string, string, RegExp]>([
    [{ items: 'a..b' }, 'items', 'bad_path', /empty name in "a\.\.b"/],
    [{ item: 'a.' }, 'item', 'bad_path', /empty name/],
    [{ key: '.a' }, 'key', 'bad_path', /empty name/],
    [{ key: ['a', 'b..c'] }, 'key.1', 'bad_path', /empty name/],
    [{ fields: { x: 'a..b' } }, 'fields.x', 'bad_path', /empty name/],
    [{ fields: { x: { path: 'a.', type: 'number' } } }, 'fields.x.path', 'bad_path', /empty name/],
    [{ fields: { x: { expr: 'a *' } } }, 'fields.x.expr', 'bad_expression', /JSONata.*end of expression.*S0207.*character 3/],
    [{ format: 'html' }, 'items', 'bad_selector', /CSS selector/],
    [{ format: 'html', items: '$' }, 'items', 'bad_selector', /CSS selector/],
    [{ format: 'html', items: 'tr:::' }, 'items', 'bad_selector', /"tr:::"/],
    [{ format: 'html', item: 'tr:wrong' }, 'item', 'bad_selector', /:wrong/],
    [{ format: 'html', items: 'tr', key: 'td[' }, 'key', 'bad_selector', /"td\["/],
    [{ format: 'html', items: 'tr', fields: { a: { path: 'b:nth-child(x)@href' } } }, 'fields.a.path', 'bad_selector', /n-th rule/],
    [{ format: 'text' }, 'items', 'bad_regex', /regular expression/],
    [{ format: 'text', items: '(' }, 'items', 'bad_regex', /flags mu/],
    [{ format: 'text', item: '/a**/i' }, 'item', 'bad_regex', /flags i/],
    [{ charset: 'utf-9' }, 'charset', 'bad_charset', /windows-1251; saw "utf-9"/],
    [{ charset: 'hex' }, 'charset', 'bad_charset', /"hex"/],
    [{ where: { a: { $near: 1 } } }, 'where.a.$near', 'unknown_operator', /\$gt.*\$elemMatch; saw \$near/],
    [{ where: { a: { $regex: '(' } } }, 'where.a.$regex', 'bad_operand', /JavaScript/],
  ])('refuses %j', (parts, path, code, message) => {
    expect(extractionFaults(parts)).toEqual([{ path, code, message: expect.stringMatching(message) }]);
  });

  it('tells all faults at once', () => {
    const all = extractionFaults({ items: 'a..b', key: '.', fields: { x: { expr: '(' }, y: '..' }, where: { $x: 1, a: { $size: -1 } } });
    expect(all.map(({ path }) => path)).toEqual(['items', 'key', 'fields.x.expr', 'fields.y', 'where.$x', 'where.a.$size']);
  });
});
