import { whereFaults } from '@gleaner/collecting';
import { z } from 'zod';
import { paging, repeated, several, when } from '../core/queryFields.ts';
import { ProblemError } from '../core/problem.ts';
import { readJson } from '../core/readDocument.ts';

export const maxKeys = 1_000;

/** How items are asked for. */
export const itemsQuery = z.strictObject({
  ...paging,
  at: when.optional().meta({ description: 'The state at this moment, inclusive; in the future the latest.' }),
  run: z.string().max(200).optional().meta({ description: 'The snapshot of this run.' }),
  key: repeated({ max: maxKeys, maxLength: 1_024 }).optional().meta({ description: `Just the items of these keys (repeat it, at most ${maxKeys}).` }),
  where: z.string().max(8_192).optional().meta({ description: 'Query over the items\' data in MongoDB\'s syntax, as JSON: {"Price": {"$gt": 5}}. A page may then hold fewer items than `limit` although more follow.' }),
  fields: several(z.string().min(1).max(256), { max: 100 }).optional().meta({ description: 'Only these fields of the data, between commas; paths are dotted.' }),
}).superRefine((query, context) => {
  const fault = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message, params: { code: 'not_together' } });
  if (query.at !== undefined && query.run !== undefined) fault('run', 'expected at or run; saw both');
  if (query.key !== undefined && query.after !== undefined) fault('after', 'expected key or after; items asked for by key are not paged');
});
export type ItemsQuery = z.output<typeof itemsQuery>;

/** `where` as a checked query; throws `bad_query` with every fault. */
export function readWhere(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  const read = readJson(text);
  const faults = read.ok ? whereFaults(read.value) : read.faults.map((fault) => ({ ...fault, path: 'where' }));
  if (!read.ok || faults.length > 0) throw new ProblemError('bad_query', faults.map(({ path, message }) => `${path}: ${message}`).join('; '), { faults });
  return read.value as Record<string, unknown>;
}
