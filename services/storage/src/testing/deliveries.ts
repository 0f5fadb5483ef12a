import fc from 'fast-check';
import type { Delivered } from './memoryHistory.ts';

export type Step =
  | { readonly do: 'deliver'; readonly delivered: Delivered }
  /** Retention makes this share of the readable snapshots unreadable. */
  | { readonly do: 'sweep'; readonly share: number }
  /** A person answers a run that waits in quarantine; nothing where it does not. */
  | { readonly do: 'decide'; readonly run: string; readonly accept: boolean };

const keys = ['a', 'b', 'c', 'd'] as const;
const at = (moment: number, run: string): string => `2026-11-21T05:00:0${moment}.000Z|${run}`;

const contents = fc.dictionary(fc.constantFrom(...keys), fc.integer({ min: 1, max: 3 }), { noNullPrototype: true })
  .map((values) => new Map(Object.entries(values).map(([key, value]) => [key, { hash: `h${value}`, data: { value } }] as const)));

/** Runs at few moments (so that they tie and come late), delivered in any order, some more than once and then at another moment. */
export const steps = ({ longest = 9, sweeps = 1, decisions = 0, kinds = ['whole', 'partial'] as const }: { longest?: number; /** How often, beside 11 deliveries. */ sweeps?: number; decisions?: number; kinds?: readonly ('whole' | 'partial')[] } = {}): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.record({ run: fc.integer({ min: 0, max: 8 }), moment: fc.integer({ min: 0, max: 6 }), kind: fc.constantFrom(...kinds), content: contents })
        .map(({ run, moment, kind, content }): Step => ({ do: 'deliver', delivered: { run: `job@${run}`, position: at(moment, `job@${run}`), kind, content } })) },
      { weight: 3, arbitrary: fc.record({ run: fc.integer({ min: 0, max: 8 }), moment: fc.integer({ min: 0, max: 6 }), base: fc.integer({ min: 0, max: 8 }) })
        .map(({ run, moment, base }): Step => ({ do: 'deliver', delivered: { run: `job@${run}`, position: at(moment, `job@${run}`), kind: 'whole', content: new Map(), sameAs: `job@${base}` } })) },
      ...(sweeps > 0 ? [{ weight: sweeps, arbitrary: fc.double({ min: 0, max: 0.99, noNaN: true }).map((share): Step => ({ do: 'sweep', share })) }] : []),
      ...(decisions > 0 ? [{ weight: decisions, arbitrary: fc.record({ run: fc.integer({ min: 0, max: 8 }), accept: fc.boolean() }).map(({ run, accept }): Step => ({ do: 'decide', run: `job@${run}`, accept })) }] : []),
    ),
    { minLength: 1, maxLength: longest },
  );

export const allKeys: readonly string[] = keys;
