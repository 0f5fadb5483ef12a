import { moment } from '@gleaner/contracts';
import { z } from 'zod';

/** A whole number in a query, within bounds. */
export const wholeNumber = ({ min, max }: { readonly min: number; readonly max: number }) =>
  z.string().regex(/^\d{1,15}$/, `expected a whole number from ${min} to ${max}`).transform(Number).pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`));

const defaultLimit = 100;
const maxLimit = 10_000;

/** How a list is paged: `limit` rows (default 100, at most 10,000) after the cursor that the page before gave as `next`. */
export const paging = {
  limit: wholeNumber({ min: 1, max: maxLimit }).default(defaultLimit).meta({ description: `Rows of a page, 1 to ${maxLimit}; default ${defaultLimit}.` }),
  after: z.string().min(1).max(4_096).optional().meta({ description: 'Cursor that the page before gave as `next`.' }),
};

/** A parameter that may be repeated or hold a list between commas. */
export const several = <T extends z.ZodType<unknown, string>>(one: T, { max }: { readonly max: number }) =>
  z.union([z.string(), z.array(z.string())]).transform((value) => (Array.isArray(value) ? value : [value]).flatMap((part) => part.split(',')).filter((part) => part !== '')).pipe(z.array(one).min(1).max(max));

/** A parameter that may be repeated, each as it is: keys may hold commas. */
export const repeated = ({ max, maxLength }: { readonly max: number; readonly maxLength: number }) =>
  z.union([z.string(), z.array(z.string())]).transform((value) => (Array.isArray(value) ? value : [value])).pipe(z.array(z.string().max(maxLength)).min(1).max(max));

/** A moment in a query, as a Date. A `+` that was not escaped arrives as a space: that is what was meant. */
export const when = z.string().transform((text) => text.replace(/ (?=\d{2}:?\d{2}$)/, '+')).pipe(moment).transform((iso) => new Date(iso));

/** `true` or `false`. */
export const yesNo = z.enum(['true', 'false']).transform((text) => text === 'true');
