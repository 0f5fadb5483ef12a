import { parsePath } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { readXml } from './readXml.ts';

/** What is found at a path in a text that comes in pieces of this size; `around` is what stands around it. */
function read(text: string, path: string, { single = false, size = 5 }: { readonly single?: boolean; readonly size?: number } = {}) {
  const found: unknown[] = [];
  const reader = readXml({ path: parsePath(path), single, onFound: ({ value }) => found.push(value) });
  for (let at = 0; at < text.length; at += size) if (reader.takes === 'text') reader.write(text.slice(at, at + size));
  return { found, around: reader.end() };
}

describe('XML', () => {
  it.each<[string, string, string, unknown[]]>([
    ['text, attributes and children', '<r><i id="1">one</i><i id="2"><a>x</a></i><i>  three </i><i/></r>', 'r.i', [{ '@id': '1', '#text': 'one' }, { '@id': '2', a: 'x' }, 'three', '']],
    ['repeated elements as a list', '<r><i><a>1</a><b>2</b><a>3</a><a>4</a></i><i><a>1</a></i></r>', 'r.i', [{ a: ['1', '3', '4'], b: '2' }, { a: '1' }]],
    ['text between children, CDATA and entities', '<r><i>a<b/>c<![CDATA[<&>]]>&amp;&#233;&#x1F600;</i></r>', 'r.i', [{ b: '', '#text': 'ac<&>&é😀' }]],
    ['prefixes as they stand', '<g:r xmlns:g="u"><g:i g:id="1"/><i/></g:r>', 'g:r.g:i', [{ '@g:id': '1' }]],
    ['every parent of the name', '<r><p><i>1</i></p><p><i>2</i><i>3</i></p></r>', 'r.p.i', ['1', '2', '3']],
    ['one parent by its number', '<r><p><i>1</i></p><p><i>2</i><i>3</i></p></r>', 'r.p.1.i', ['2', '3']],
    ['names that bite', '<r><i><constructor>1</constructor><__proto__>2</__proto__><constructor>3</constructor><toString/></i></r>', 'r.i', [JSON.parse('{"constructor":["1","3"],"__proto__":"2","toString":""}')]],
    ['the root itself', '<r><i>1</i></r>', 'r', [{ i: '1' }]],
    ['none under a parent that is there', '<r><other/></r>', 'r.i', []],
    ['the whole', '<?xml version="1.0"?><!-- c --><r a="1"><i>1</i></r>', '$', [{ '@a': '1', i: '1' }]],
    ['comments and instructions passed over', '<r><!-- <i>0</i> --><?x <i>0</i> ?><i>1</i></r>', 'r.i', ['1']],
  ])('reads %s', (_name, text, path, expected) => {
    for (const size of [1, 7, 1_000]) {
      const { found } = read(text, path, { size });
      expect(found).toEqual(expected);
      expect(JSON.stringify(found)).toBe(JSON.stringify(expected)); // own names, `__proto__` too
    }
  });

  it('tells what stands around the list, and takes the first alone where one is asked for', () => {
    const text = '<r><next>2</next><l><i>1</i><i>2</i></l></r>';
    expect(read(text, 'r.l.i')).toEqual({ found: ['1', '2'], around: { r: { next: '2', l: {} } } });
    expect(read(text, 'r.l.i', { single: true }).found).toEqual(['1']);
    expect(read('<r><constructor>1</constructor><constructor>2</constructor></r>', 'r.constructor.0')).toEqual({ found: ['1'], around: { r: { constructor: '2' } } });
  });

  it.each([
    ['no such path', '<html><body/></html>', 'ValCurs.Valute', /elements at ValCurs.Valute.*root is html/],
    ['another root', '<Error>maintenance</Error>', 'Rates', /elements at Rates.*root is Error/],
    ['an end too early', '<r><i>1</i>', 'r.i', /expected XML/],
    ['tags that cross', '<r><i></r></i>', 'r.i', /expected XML/],
    ['an entity that is none of XML', '<r><i>&nbsp;</i></r>', 'r.i', /expected XML/],
    ['text that is no XML', 'Service unavailable', 'r.i', /expected XML/],
    ['two roots', '<r/><r/>', 'r.i', /expected XML/],
    ['what is nested too deep', '<a>'.repeat(500), 'a.b', /90 deep/],
  ])('fails with bad_body: %s', (_name, text, path, message) => {
    expect(() => read(text, path)).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringMatching(message) }));
  });

  it('expands no entity that a document brings: neither a file nor a bomb', () => {
    const bomb = `<!DOCTYPE r [<!ENTITY a "${'x'.repeat(100)}"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>`;
    for (const entity of ['&b;', '&f;']) expect(() => read(`${bomb}<r><i>${entity}</i></r>`, 'r.i')).toThrow(expect.objectContaining({ class: 'bad_body' }));
    expect(() => read('<r/>', 'r.i', { single: true })).toThrow(expect.objectContaining({ class: 'bad_body' }));
  });
});
