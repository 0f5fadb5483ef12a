import type { Path } from '@gleaner/contracts';
import { SaxesParser } from 'saxes';
import { badBody } from '../core/AttemptFailure.ts';
import { setOwn } from '../core/compileFields.ts';
import type { OnFound, TextReader } from './FormatReader.ts';

interface Open {
  readonly name: string;
  /** Which one of its name under its parent, from 0. */
  readonly index: number;
  /** Attributes and children; made with the first, because most elements have none. */
  data: Record<string, unknown> | undefined;
  counts: Map<string, number> | undefined;
  text: string;
  /** How many segments of the path lead here; -1 where it lies beside the path. */
  matched: number;
}

const maxDepth = 90;

/**
 * The elements at a path (element names, with their prefix, from the root on), one by one as they close. Attributes are `@name`, an element with neither
 * attributes nor children is its text, one with both has its text as `#text`, repeated elements are a list. Where several parents match, all their children count.
 * An element that is not there is an empty list where its parent is; otherwise `bad_body`, as is `single` without one. Entities are the five of XML alone.
 */
export function readXml({ path, single = false, onFound }: { readonly path: Path; readonly single?: boolean; readonly onFound: OnFound }): TextReader {
  const parser = new SaxesParser();
  const root: Open = { name: '', index: 0, data: {}, counts: undefined, text: '', matched: 0 };
  const open: Open[] = [root];
  let reached = path.length === 0;
  let count = 0;

  parser.on('error', (error) => {
    throw badBody(`expected XML; ${error.message}`, error);
  });
  parser.on('opentag', (tag) => {
    const parent = open.at(-1) ?? root;
    parent.data ??= {};
    parent.counts ??= new Map();
    const index = parent.counts.get(tag.name) ?? 0;
    parent.counts.set(tag.name, index + 1);
    if (open.length > maxDepth) throw badBody(`expected XML nested at most ${maxDepth} deep`);
    const element: Open = { name: tag.name, index, data: undefined, counts: undefined, text: '', matched: matchedBy(parent, tag.name, index) };
    // The attributes are an object without a prototype.
    for (const name in tag.attributes) setOwn((element.data ??= {}), `@${name}`, tag.attributes[name]);
    if (element.matched >= 0 && element.matched >= path.length - 1) reached = true;
    open.push(element);
  });
  const onText = (text: string): void => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on('text', onText);
  parser.on('cdata', onText);
  parser.on('closetag', () => {
    const element = open.pop();
    const parent = open.at(-1) ?? root;
    if (!element) return;
    const text = element.text.trim();
    const value = element.data === undefined ? text : text === '' ? element.data : { ...element.data, '#text': text };
    if (element.matched === path.length && path.length > 0) {
      count += 1;
      if (!single || count === 1) onFound({ value });
      return;
    }
    const siblings = (parent.data ??= {});
    const before = element.index > 0 && Object.hasOwn(siblings, element.name) ? siblings[element.name] : undefined;
    if (before === undefined) setOwn(siblings, element.name, value);
    else if (Array.isArray(before) && element.index > 1) before.push(value);
    else setOwn(siblings, element.name, [before, value]);
  });

  /** A segment of digits after a name picks that one of its name; without it every one counts. */
  const matchedBy = (parent: Open, name: string, index: number): number => {
    if (parent.matched < 0 || path[parent.matched] !== name) return -1;
    const next = path[parent.matched + 1];
    if (next === undefined || !/^\d+$/.test(next)) return parent.matched + 1;
    return Number(next) === index ? parent.matched + 2 : -1;
  };

  return {
    takes: 'text',
    write: (part) => void parser.write(part),
    end: () => {
      parser.close();
      if (path.length === 0) {
        const [name] = Object.keys(root.data ?? {});
        onFound({ value: name === undefined ? root.data : root.data?.[name] });
      } else if (!reached || (count === 0 && (single || path.length === 1))) throw badBody(`expected ${single ? 'an element' : 'elements'} at ${path.join('.')}; the answer has none there, and its root is ${Object.keys(root.data ?? {})[0] ?? 'missing'}`);
      return root.data;
    },
  };
}
