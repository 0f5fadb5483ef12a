import type { Gate } from '@gleaner/contracts';

export interface GateFault {
  readonly rule: 'minItems' | 'maxRemoved' | 'required';
  readonly message: string;
}

/**
 * Why a snapshot must not be applied without a person's word: too few items, too many gone, a field missing that every item must have.
 * `before` is the number of items before it; a changed definition may remove what it likes.
 */
export function judgeGate({ gate, kept, items, before, removed, definitionChanged }: {
  readonly gate: Gate | undefined; /** How many items it has; looked at one by one only where the gate requires fields. */ readonly kept: number; readonly items: Iterable<readonly [string, { readonly data: unknown }]>; readonly before: number; readonly removed: number; readonly definitionChanged: boolean;
}): GateFault | undefined {
  if (gate === undefined) return undefined;
  const { minItems, maxRemoved, required } = gate;
  if (minItems !== undefined && kept < minItems) return { rule: 'minItems', message: `expected at least ${minItems} items; saw ${kept}` };
  if (maxRemoved !== undefined && !definitionChanged && before > 0) {
    const most = typeof maxRemoved === 'number' ? maxRemoved : (Number.parseFloat(maxRemoved) / 100) * before;
    if (removed > most) return { rule: 'maxRemoved', message: `expected at most ${maxRemoved} of ${before} items to be gone; ${removed} are` };
  }
  for (const field of required ?? [])
    for (const [key, { data }] of items)
      if (isMissing(data, field)) return { rule: 'required', message: `expected every item to have ${field}; ${JSON.stringify(key)} has not` };
  return undefined;
}

function isMissing(data: unknown, field: string): boolean {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, field)) return true;
  const value = (data as Record<string, unknown>)[field];
  return value === null || value === undefined;
}
