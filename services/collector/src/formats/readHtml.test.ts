import { describe, expect, it } from '@jest/globals';
import { compileFields } from '../core/compileFields.ts';
import { compileHtmlRead, readHtml } from './readHtml.ts';

const page = `<!doctype html><title>t</title><ul>
<li data-id="1" CLASS="a b">One<br>and  <b>bold</b>&nbsp;&amp; more <a href="/1">link</a></li>
<li data-id="2"><template><b>hidden</b></template><p><b>deep</b></p><p class=x>x1</p><p class=x>x2</p></li>
<li>bare</ul>`;

/** Tries every way through the elements before one. */
const endless = `u ~ ${'i ~ '.repeat(12)}b`;

/** The items of the page, and what fields make of each. */
async function read(selector: string, fields: Record<string, string> = {}, { single = false, withRecords = true } = {}) {
  const values: unknown[] = [];
  const mapped: unknown[] = [];
  const compiled = compileFields(fields, compileHtmlRead);
  const reader = readHtml({ selector, single, paths: Object.values(fields), withRecords, onFound: ({ value, node }) => {
    values.push(value);
    mapped.push(compiled.map(node, () => undefined));
  } });
  for (let at = 0; at < page.length; at += 6) if (reader.takes === 'text') reader.write(page.slice(at, at + 6));
  await reader.end();
  return { values, mapped };
}

describe('HTML', () => {
  it('gives an element its text, white space collapsed, and its attributes', async () => {
    expect((await read('li')).values).toEqual([{ text: 'Oneand bold & more link', '@data-id': '1', '@class': 'a b' }, { text: 'hiddendeepx1x2', '@data-id': '2' }, { text: 'bare' }]);
    expect((await read('li', {}, { single: true })).values).toHaveLength(1);
    expect((await read('li', {}, { withRecords: false })).values).toEqual([{}, {}, {}]);
  });

  it('reads fields by selectors within the element, the first match in the order of the page', async () => {
    const fields = { own: '@data-id', all: '$', dot: '.', link: 'a@HREF', bold: 'b', second: 'p:nth-of-type(2)', child: 'p > b', after: 'p.x ~ p', next: 'p + p', none: 'i', noAttribute: 'b@href', either: 'i, p.x', has: 'p:has(b)' };
    expect((await read('li', fields)).mapped).toEqual([
      { own: '1', all: 'Oneand bold & more link', dot: 'Oneand bold & more link', link: '/1', bold: 'bold' },
      { own: '2', all: 'hiddendeepx1x2', dot: 'hiddendeepx1x2', bold: 'deep', second: 'x1', child: 'deep', after: 'x2', next: 'x1', either: 'x1', has: 'deep' },
      { all: 'bare', dot: 'bare' },
    ]);
  });

  it.each([['of the items', { selector: endless, paths: [] }], ['of a field', { selector: 'p', paths: [endless] }]])('ends selectors %s that never end', async (_name, { selector, paths }) => {
    const reader = readHtml({ selector, paths, single: false, limits: { pageMs: 10_000, elementMs: 100 }, onFound: () => undefined });
    if (reader.takes === 'text') reader.write(`<p>${'<i></i>'.repeat(400)}<b></b></p>`);
    await expect(reader.end()).rejects.toMatchObject({ class: 'task_error', message: expect.stringContaining('100 ms for an element') });
  });

  it('ends selectors that take too long for a page, and lets others have their turns meanwhile', async () => {
    const reader = readHtml({ selector: 'u ~ i ~ i ~ i ~ b', paths: [], single: false, limits: { pageMs: 150, elementMs: 10_000 }, onFound: () => undefined });
    if (reader.takes === 'text') reader.write(`<p>${'<i></i>'.repeat(30)}${'<b></b>'.repeat(30)}</p>`.repeat(500));
    let turns = 0;
    const beat = setInterval(() => void (turns += 1), 1);
    await expect(reader.end()).rejects.toMatchObject({ class: 'task_error', message: expect.stringContaining('150 ms for the page') });
    clearInterval(beat);
    expect(turns).toBeGreaterThan(1);
  });

  it('reads tags that nobody closes, and refuses what is nested without end before it holds others up', async () => {
    const readAll = async (body: string): Promise<unknown[]> => {
      const values: unknown[] = [];
      const reader = readHtml({ selector: 'p', paths: [], single: false, onFound: ({ value }) => values.push(value) });
      for (let at = 0; at < body.length; at += 65_536) if (reader.takes === 'text') reader.write(body.slice(at, at + 65_536));
      await reader.end();
      return values;
    };
    expect(await readAll(`${'<p>a<br>'.repeat(5_000)}<p>${'<b>'.repeat(900)}x`)).toHaveLength(5_001);
    const began = performance.now();
    await expect(readAll(`<p>${'<b>'.repeat(1_000_000)}x`)).rejects.toMatchObject({ class: 'bad_body', message: expect.stringContaining('1,000 deep') });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('fails where a selector finds nothing or is none', async () => {
    await expect(read('table')).rejects.toMatchObject({ class: 'bad_body', message: expect.stringContaining('table') });
    for (const selector of ['', '$', 'tr:::']) await expect(read(selector)).rejects.toMatchObject({ class: 'bad_template' });
    await expect(read('li', { a: 'b[' })).rejects.toMatchObject({ class: 'bad_template' });
  });
});
