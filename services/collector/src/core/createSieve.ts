import type { Extraction } from '@gleaner/contracts';
import { badBody } from './AttemptFailure.ts';
import { compileFields } from './compileFields.ts';
import type { CompileRead } from './compileFields.ts';
import type { Found } from './createItemSet.ts';
import type { Matches, PatternWork, Verdicts } from './createPatternMatcher.ts';
import { whereOf } from './whereOf.ts';

/** Stands between what a format finds and the items, where the job brings regular expressions: they are run off the event loop, a part of the body at a time. */
export interface Sieve {
  take(found: Found): void;
  /** What is taken is passed on as it comes: nothing waits for `settle`. */
  readonly atOnce: boolean;
  /** Runs the expressions over what was taken, and passes it on. */
  settle(signal: AbortSignal): Promise<void>;
}

/**
 * Makes the sieve of one attempt. A text is cut into its matches, none of them being `bad_body`: nothing tells an empty list from another page. A `where` with `$regex`
 * is asked of everything that was found (of what the fields give where `whereAfterFields`); the rest passes as it came. `match` runs the expressions within a time limit.
 */
export function createSieve({ extraction, compileRead, whereAfterFields = false, match, onFound }: {
  readonly extraction: Extraction;
  readonly compileRead?: CompileRead;
  readonly whereAfterFields?: boolean;
  readonly match: (work: PatternWork, signal: AbortSignal) => Promise<Verdicts | Matches>;
  readonly onFound: (found: Found) => void;
}): Sieve {
  const { format, where } = extraction;
  const judged = where !== undefined && whereOf(where).hasRegex ? JSON.stringify(where) : undefined;
  const fields = whereAfterFields && extraction.fields !== undefined ? compileFields(extraction.fields, compileRead) : undefined;
  const expression = extraction.item ?? extraction.items ?? '';
  const single = extraction.item !== undefined;
  let waiting: Found[] = [];

  const documentOf = ({ value, node }: Found): unknown => {
    if (fields) return fields.map(node ?? value, () => undefined);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
  };

  if (format !== 'text' && judged === undefined) return { atOnce: true, take: onFound, settle: () => Promise.resolve() };
  return {
    atOnce: false,
    take: (found) => void waiting.push(found),
    async settle(signal) {
      let found = waiting;
      waiting = [];
      if (found.length === 0) return;
      if (format === 'text') {
        const matches: Found[] = [];
        for (const { value: text } of found) {
          const cut = await match({ kind: 'text', expression, text: String(text), single }, signal);
          if (cut.length === 0) throw badBody(`expected matches of ${expression}; the text has none`);
          matches.push(...(cut as Matches).map((value) => ({ value })));
        }
        found = matches;
      }
      if (judged === undefined) {
        for (const one of found) onFound(one);
        return;
      }
      const verdicts = (await match({ kind: 'where', where: judged, documents: found.map(documentOf) }, signal)) as Verdicts;
      found.forEach((one, index) => onFound({ ...one, passes: verdicts[index] === true }));
    },
  };
}
