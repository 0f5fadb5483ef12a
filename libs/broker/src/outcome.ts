/** What a handler says of its message; the library settles it. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  | { readonly kind: 'dead'; readonly reason: string; readonly class?: string; readonly details?: unknown }
  | { readonly kind: 'handBack'; readonly reason: string };

/** The message's effect is durable: acknowledge it. */
export const done = (): Outcome => ({ kind: 'done' });

/** Deliver it again later: by the next rung of its ladder, or by the smallest one of at least `afterMs`; dead when the ladder is used up. */
export const retry = (reason: string, afterMs?: number): Outcome => ({ kind: 'retry', reason, ...(afterMs === undefined ? {} : { afterMs }) });

/** It can never succeed: put it into the dead-letter queue with its reason (first 500 characters), class and details (JSON, first 4,000 characters). */
export const dead = (reason: string, more: { readonly class?: string; readonly details?: unknown } = {}): Outcome => ({ kind: 'dead', reason, ...more });

/** Nobody can work on it just now: back to its queue as it came, at once. Pause the consumer before, or it comes straight back. */
export const handBack = (reason: string): Outcome => ({ kind: 'handBack', reason });
