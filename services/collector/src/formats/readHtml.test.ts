import { describe, expect, it } from '@jest/globals';
import { compileFields } from '../core/compileFields.ts';
import { compileHtmlRead, readHtml } from './readHtml.ts';

const page = `<!doctype html><title>t</title><ul>
<li data-id="1" CLASS="a b">One<br>and  <b>bold</b>&nbsp;&amp; more <a href="/1">link</a></li>
<li data-id="2"><template><b>hidden</b></template><p><b>deep</b></p><p class=x>x1</p><p class=x>x2</p></li>
<li>bare</ul>`;

/** The items of the page, and what fields make of each. */
function read(selector: string, fields: Record<string, string> = {}, { single = false, withRecords = true } = {}) {
  const values: unknown[] = [];
  const mapped: unknown[] = [];
  const compiled = compileFields(fields, compileHtmlRead);
  const reader = readHtml({ selector, single, withRecords, onFound: ({ value, node }) => {
    values.push(value);
    mapped.push(compiled.map(node, () => undefined));
  } });
  for (let at = 0; at < page.length; at += 6) if (reader.takes === 'text') reader.write(page.slice(at, at + 6));
  reader.end();
  return { values, mapped };
}

describe('HTML', () => {
  it('gives an element its text, white space collapsed, and its attributes', () => {
    expect(read('li').values).toEqual([{ text: 'Oneand bold & more link', '@data-id': '1', '@class': 'a b' }, { text: 'hiddendeepx1x2', '@data-id': '2' }, { text: 'bare' }]);
    expect(read('li', {}, { single: true }).values).toHaveLength(1);
    expect(read('li', {}, { withRecords: false }).values).toEqual([{}, {}, {}]);
  });

  it('reads fields by selectors within the element, the first match in the order of the page', () => {
    const fields = { own: '@data-id', all: '$', dot: '.', link: 'a@HREF', bold: 'b', second: 'p:nth-of-type(2)', child: 'p > b', after: 'p.x ~ p', next: 'p + p', none: 'i', noAttribute: 'b@href', either: 'i, p.x', has: 'p:has(b)' };
    expect(read('li', fields).mapped).toEqual([
      { own: '1', all: 'Oneand bold & more link', dot: 'Oneand bold & more link', link: '/1', bold: 'bold' },
      { own: '2', all: 'hiddendeepx1x2', dot: 'hiddendeepx1x2', bold: 'deep', second: 'x1', child: 'deep', after: 'x2', next: 'x1', either: 'x1', has: 'deep' },
      { all: 'bare', dot: 'bare' },
    ]);
  });

  it('ends selectors that never end', () => {
    const reader = readHtml({ selector: `u ~ ${'i ~ '.repeat(12)}b`, single: false, limitMs: 100, onFound: () => undefined });
    if (reader.takes === 'text') reader.write(`<p>${'<i></i>'.repeat(400)}<b></b></p>`);
    expect(() => reader.end()).toThrow(expect.objectContaining({ class: 'task_error', message: expect.stringContaining('100 ms') }));
  });

  it('reads tags that nobody closes, and refuses what is nested without end before it holds others up', () => {
    const readAll = (body: string): unknown[] => {
      const values: unknown[] = [];
      const reader = readHtml({ selector: 'p', single: false, onFound: ({ value }) => values.push(value) });
      for (let at = 0; at < body.length; at += 65_536) if (reader.takes === 'text') reader.write(body.slice(at, at + 65_536));
      reader.end();
      return values;
    };
    expect(readAll(`${'<p>a<br>'.repeat(5_000)}<p>${'<b>'.repeat(900)}x`)).toHaveLength(5_001);
    const began = performance.now();
    expect(() => readAll(`<p>${'<b>'.repeat(1_000_000)}x`)).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringContaining('1,000 deep') }));
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('fails where a selector finds nothing or is none', () => {
    expect(() => read('table')).toThrow(expect.objectContaining({ class: 'bad_body', message: expect.stringContaining('table') }));
    for (const selector of ['', '$', 'tr:::']) expect(() => read(selector)).toThrow(expect.objectContaining({ class: 'bad_template' }));
    expect(() => read('li', { a: 'b[' })).toThrow(expect.objectContaining({ class: 'bad_template' }));
  });
});
