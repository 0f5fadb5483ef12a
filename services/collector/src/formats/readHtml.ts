import { compileSelector, parseHtmlPath } from '@gleaner/collecting';
import type { ElementTest } from '@gleaner/collecting';
import { selectAll } from 'css-select';
import { isTag, isText } from 'domhandler';
import type { AnyNode, Document, Element } from 'domhandler';
import { textContent } from 'domutils';
import { DomHandler, Parser } from 'htmlparser2';
import { AttemptFailure, badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import type { CompileRead } from '../core/compileFields.ts';
import { withinTime } from '../withinTime.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

/** What the selectors may take for a whole page, which nobody else can use meanwhile; selectors can be written that never end. */
const defaultLimitMs = 10_000;

/** An item's element, and what is in it, in the page's order; listed once for all fields. */
interface HtmlNode {
  readonly element: Element;
  inside?: readonly Element[];
}

/** Browsers stop at 512. The parser's time for a tag grows with its depth, and what walks the page would run out of stack. */
const maxDepth = 1_000;

/**
 * The elements that a CSS selector finds in an HTML page, in the page's order; the page is read whole. An item without `fields` is its `text` and its `@attributes`.
 * `withRecords` false leaves that record empty, for jobs that read everything by selectors. A selector that finds nothing is `bad_body`: nothing tells an empty list from another page;
 * so is one that is nested too deep; selectors (those of the fields too) that take longer than `limitMs`, default 10 s, are `task_error`.
 */
export function readHtml({ selector, single, withRecords = true, limitMs = defaultLimitMs, onFound }: { readonly selector: string; readonly single: boolean; readonly withRecords?: boolean; readonly limitMs?: number; readonly onFound: OnFound }): TextReader {
  const query = queryOf(selector);
  const handler = new DepthHandler();
  const parser = new Parser(handler, { decodeEntities: true });
  return {
    takes: 'text',
    write: (part) => parser.write(part),
    end: () => {
      parser.end();
      const ended = withinTime(limitMs, () => {
        const elements = selectAll<Element | Document, Element>(query, handler.root);
        if (elements.length === 0) throw badBody(`expected elements at ${selector}; the page has none`);
        for (const element of single ? elements.slice(0, 1) : elements) onFound({ value: withRecords ? recordOf(element) : {}, node: { element } satisfies HtmlNode });
      });
      if (!ended) throw new AttemptFailure('task_error', `expected the job's selectors to need less than ${limitMs} ms for the page`);
      return undefined;
    },
  };
}

/** Builds the page as long as it is nested no deeper than one is. */
class DepthHandler extends DomHandler {
  override onopentag(name: string, attribs: Record<string, string>): void {
    super.onopentag(name, attribs);
    if (this.tagStack.length > maxDepth) throw badBody(`expected HTML nested at most ${maxDepth.toLocaleString('en')} deep`);
  }
}

/** Reads `selector`, `selector@attribute` or `@attribute` within an element; `.` and `$` are the element itself. Gives text with its white space collapsed. */
export const compileHtmlRead: CompileRead = (path) => {
  const { selector, attribute } = parseHtmlPath(path);
  // Compiled once: reading the selector anew for each item would cost more than all the rest.
  const query = selector === undefined ? undefined : queryOf(selector);
  return (value) => {
    const node = value as HtmlNode;
    const element = query ? (node.inside ??= elementsIn(node.element)).find(query) : node.element;
    if (!element) return undefined;
    return attribute === undefined ? cleanText(element) : element.attribs[attribute];
  };
};

function recordOf(element: Element): Record<string, unknown> {
  const data: Record<string, unknown> = { text: cleanText(element) };
  for (const [name, value] of Object.entries(element.attribs)) setOwn(data, `@${name}`, value);
  return data;
}

/** Every element within one, depth first; what a `<template>` holds is not part of the page. */
function elementsIn(element: Element): readonly Element[] {
  const found: Element[] = [];
  const visit = (nodes: readonly AnyNode[]): void => {
    for (const node of nodes) {
      if (!isTag(node)) continue;
      found.push(node);
      if (node.name !== 'template') visit(node.children);
    }
  };
  visit(element.children);
  return found;
}

/** An element's text, its white space collapsed; most are one text that has nothing to collapse. */
function cleanText(element: Element): string {
  const [only] = element.children;
  const text = only && element.children.length === 1 && isText(only) ? only.data : textContent(element);
  return /^ | $|\s\s|[^\S ]/.test(text) ? text.replaceAll(/\s+/g, ' ').trim() : text;
}

function queryOf(selector: string): ElementTest {
  const compiled = compileSelector(selector);
  if (!compiled.ok) throw new AttemptFailure('bad_template', compiled.reason);
  return compiled.query;
}
