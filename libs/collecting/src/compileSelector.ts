import { compile } from 'css-select';
import type { AnyNode, Element } from 'domhandler';

/** Tests one element of a page. */
export type ElementTest = (element: Element) => boolean;
/** A CSS selector made ready, or why it is none. */
export type CompiledSelector = { readonly ok: true; readonly query: ElementTest } | { readonly ok: false; readonly reason: string };

/** Compiles a CSS selector to what tests one element, which may take for ever. */
export function compileSelector(selector: string): CompiledSelector {
  if (selector.trim() === '' || selector === '$') return { ok: false, reason: 'expected a CSS selector in items (or item) for HTML' };
  try {
    return { ok: true, query: compile<AnyNode, Element>(selector) };
  } catch (error) {
    return { ok: false, reason: `expected a CSS selector; saw ${JSON.stringify(selector)}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What a field's path says in HTML. */
export interface HtmlPath {
  /** Undefined: the item's element itself. */
  readonly selector: string | undefined;
  /** Undefined: the element's text. */
  readonly attribute: string | undefined;
}

/** Reads `selector`, `selector@attribute` or `@attribute`; `.` and `$` are the element itself. */
export function parseHtmlPath(path: string): HtmlPath {
  const [, selector = '', attribute] = /^(.*?)(?:@([\w:.-]+))?$/s.exec(path.trim()) ?? [];
  return { selector: ['', '.', '$'].includes(selector.trim()) ? undefined : selector, attribute: attribute?.toLowerCase() };
}
