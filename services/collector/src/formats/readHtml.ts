import { compileSelector, parseHtmlPath } from '@gleaner/collecting';
import type { ElementTest } from '@gleaner/collecting';
import { selectAll, selectOne } from 'css-select';
import type { AnyNode, Document, Element } from 'domhandler';
import { textContent } from 'domutils';
import { DomHandler, Parser } from 'htmlparser2';
import { AttemptFailure, badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import type { CompileRead } from '../core/compileFields.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

/**
 * The elements that a CSS selector finds in an HTML page, in the page's order; the page is read whole. An item without `fields` is its `text` and its `@attributes`.
 * A selector that finds nothing is `bad_body`: nothing tells an empty list from another page.
 */
export function readHtml({ selector, single, onFound }: { readonly selector: string; readonly single: boolean; readonly onFound: OnFound }): TextReader {
  const query = queryOf(selector);
  const handler = new DomHandler();
  const parser = new Parser(handler, { decodeEntities: true });
  return {
    takes: 'text',
    write: (part) => parser.write(part),
    end: () => {
      parser.end();
      const elements = selectAll<Element | Document, Element>(query, handler.root);
      if (elements.length === 0) throw badBody(`expected elements at ${selector}; the page has none`);
      for (const element of single ? elements.slice(0, 1) : elements) onFound({ value: recordOf(element), node: element });
      return undefined;
    },
  };
}

/** Reads `selector`, `selector@attribute` or `@attribute` within an element; `.` and `$` are the element itself. Gives text with its white space collapsed. */
export const compileHtmlRead: CompileRead = (path) => {
  const { selector, attribute } = parseHtmlPath(path);
  // Compiled once: reading the selector anew for each item would cost more than all the rest.
  const query = selector === undefined ? undefined : queryOf(selector);
  return (value) => {
    const element = query ? selectOne<AnyNode, Element>(query, (value as Element).children) : (value as Element);
    if (!element) return undefined;
    return attribute === undefined ? cleanText(element) : element.attribs[attribute];
  };
};

function recordOf(element: Element): Record<string, unknown> {
  const data: Record<string, unknown> = { text: cleanText(element) };
  for (const [name, value] of Object.entries(element.attribs)) setOwn(data, `@${name}`, value);
  return data;
}

const cleanText = (element: Element): string => textContent(element).replaceAll(/\s+/g, ' ').trim();

function queryOf(selector: string): ElementTest {
  const compiled = compileSelector(selector);
  if (!compiled.ok) throw new AttemptFailure('bad_template', compiled.reason);
  return compiled.query;
}
