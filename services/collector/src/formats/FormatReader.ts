import type { Found } from '../core/createItemSet.ts';

/**
 * Finds the records in a body that streams by: `write` takes the next part, UTF-8 bytes or text as `takes` says; `end` ends the body and returns
 * what stands around the list (or a promise of it), for pagination paths, where the format has such a thing. What they throw is the failure that ends the attempt.
 */
export type FormatReader =
  | { readonly takes: 'bytes'; write(part: Buffer): void; end(): unknown }
  | { readonly takes: 'text'; write(part: string): void; end(): unknown };

export type BytesReader = Extract<FormatReader, { takes: 'bytes' }>;
export type TextReader = Extract<FormatReader, { takes: 'text' }>;
export type OnFound = (found: Found) => void;
