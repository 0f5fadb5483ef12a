import { setImmediate } from 'node:timers/promises';
import { compileSelector, parseHtmlPath } from '@gleaner/collecting';
import type { ElementTest } from '@gleaner/collecting';
import { isTag, isText } from 'domhandler';
import type { AnyNode, Element, ParentNode } from 'domhandler';
import { textContent } from 'domutils';
import { DomHandler, Parser } from 'htmlparser2';
import { AttemptFailure, badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import type { CompileRead } from '../core/compileFields.ts';
import { withinTime } from '../withinTime.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

/** What the selectors may take for a whole page, and for one element; selectors can be written that never end. */
const defaultLimits = { pageMs: 10_000, elementMs: 2_000 };
/** What they take before the event loop gets its turn again. */
const sliceMs = 20;

/** What an item's element gives for each path that the job reads. */
type HtmlNode = ReadonlyMap<string, string>;

/** Browsers stop at 512. The parser's time for a tag grows with its depth, and what walks the page would run out of stack. */
const maxDepth = 1_000;

/**
 * The elements that a CSS selector finds in an HTML page, in the page's order; the page is read whole. An item without `fields` is its `text` and its `@attributes`.
 * `withRecords` false leaves that record empty, for jobs that read everything by selectors. `paths` are those of fields and key: they are read here, where time is kept.
 * A selector that finds nothing is `bad_body`: nothing tells an empty list from another page; so is a page that is nested too deep. Selectors that take longer than `limits` are `task_error`.
 */
export function readHtml({ selector, single, paths, withRecords = true, limits = defaultLimits, onFound }: {
  readonly selector: string;
  readonly single: boolean;
  readonly paths: readonly string[];
  readonly withRecords?: boolean;
  readonly limits?: typeof defaultLimits;
  readonly onFound: OnFound;
}): TextReader {
  const query = queryOf(selector);
  const readers = paths.map((path) => [path, readerOf(path)] as const);
  const handler = new DepthHandler();
  const parser = new Parser(handler, { decodeEntities: true });
  return {
    takes: 'text',
    write: (part) => parser.write(part),
    end: async () => {
      parser.end();
      const elements = elementsIn(handler.root);
      let [at, found, leftMs] = [0, 0, limits.pageMs];
      while (at < elements.length && !(single && found > 0)) {
        const began = performance.now();
        const ended = withinTime(Math.max(1, Math.ceil(Math.min(leftMs, limits.elementMs))), () => {
          for (; at < elements.length && performance.now() - began < sliceMs; at += 1) {
            const element = elements[at];
            if (!element || (single && found > 0) || !query(element)) continue;
            found += 1;
            onFound({ value: withRecords ? recordOf(element) : {}, node: nodeOf(element, readers) });
          }
        });
        leftMs -= performance.now() - began;
        if (!ended || leftMs <= 0) throw new AttemptFailure('task_error', `expected the job's selectors to need less than ${limits.elementMs} ms for an element and ${limits.pageMs} ms for the page`);
        await setImmediate();
      }
      if (found === 0) throw badBody(`expected elements at ${selector}; the page has none`);
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

/** Gives what was read at a path. */
export const compileHtmlRead: CompileRead = (path) => (node) => (node as HtmlNode).get(path);

type ReadElement = (element: Element, inside: () => readonly Element[]) => string | undefined;

/** Reads `selector`, `selector@attribute` or `@attribute` within an element; `.` and `$` are the element itself. Gives text with its white space collapsed. */
function readerOf(path: string): ReadElement {
  const { selector, attribute } = parseHtmlPath(path);
  const query = selector === undefined ? undefined : queryOf(selector);
  return (itself, inside) => {
    const element = query ? inside().find(query) : itself;
    if (!element) return undefined;
    return attribute === undefined ? cleanText(element) : element.attribs[attribute];
  };
}

function nodeOf(element: Element, readers: readonly (readonly [string, ReadElement])[]): HtmlNode {
  let listed: readonly Element[] | undefined;
  const inside = (): readonly Element[] => (listed ??= elementsIn(element)); // once for all paths
  const node = new Map<string, string>();
  for (const [path, read] of readers) {
    const text = read(element, inside);
    if (text !== undefined) node.set(path, text);
  }
  return node;
}

function recordOf(element: Element): Record<string, unknown> {
  const data: Record<string, unknown> = { text: cleanText(element) };
  for (const [name, value] of Object.entries(element.attribs)) setOwn(data, `@${name}`, value);
  return data;
}

/** Every element within one or a page, depth first; what a `<template>` holds is not part of the page. */
function elementsIn(parent: ParentNode): readonly Element[] {
  const found: Element[] = [];
  const visit = (nodes: readonly AnyNode[]): void => {
    for (const node of nodes) {
      if (!isTag(node)) continue;
      found.push(node);
      if (node.name !== 'template') visit(node.children);
    }
  };
  visit(parent.children);
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
