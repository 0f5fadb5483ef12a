import { messageHeaders } from '../messageHeaders.ts';
import type { Outcome } from '../outcome.ts';
import type { QueueRoutes, Route } from './routes.ts';

/** What is known of the delivery that is settled. */
export interface DeliveryFacts {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly exchange: string;
  readonly routingKey: string;
  readonly firstSeenAt: string;
}

/** What happens to a message: acknowledged, acknowledged after a copy was confirmed elsewhere, given back, or let go. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'copy'; readonly to: Route; readonly as: 'retried' | 'dead'; readonly headers: Readonly<Record<string, unknown>> }
  | { readonly kind: 'requeue'; readonly reason: string }
  | { readonly kind: 'handBack'; readonly reason: string }
  | { readonly kind: 'drop'; readonly reason: string };

const maxReason = 500;
const maxDetails = 4_000;
/** Headers of others may take this much of the 64 KiB that all may take together. */
const maxForeignHeaders = 40_000;

/** The one table of settling: outcome × ladder × dead-letter route → what to do. `now` is the moment of death, ISO. */
export function decideSettlement(input: { readonly outcome: Outcome; readonly facts: DeliveryFacts; readonly routes: QueueRoutes; readonly now: string }): Settlement {
  const { outcome, facts, routes, now } = input;
  if (outcome.kind === 'done') return { kind: 'ack' };
  if (outcome.kind === 'handBack') return { kind: 'handBack', reason: outcome.reason };
  if (outcome.kind === 'dead') return bury({ facts, routes, now, reason: outcome.reason, class: outcome.class, details: outcome.details });
  if (routes.ladder.length === 0) return { kind: 'requeue', reason: outcome.reason };
  if (facts.attempt > routes.ladder.length) {
    return bury({ facts, routes, now, reason: outcome.reason, class: 'retries_exhausted', details: undefined });
  }
  const rung = rungFor(routes, facts.attempt, outcome.afterMs);
  return {
    kind: 'copy',
    to: rung.route,
    as: 'retried',
    headers: { ...ownHeaders(facts), [messageHeaders.attempt]: facts.attempt, [messageHeaders.reason]: shorten(outcome.reason, maxReason) },
  };
}

/** The rung of this attempt, or the smallest that waits at least `afterMs` (the longest where none does). */
function rungFor(routes: QueueRoutes, attempt: number, afterMs: number | undefined): QueueRoutes['ladder'][number] {
  const byTurn = routes.ladder[attempt - 1];
  const chosen = afterMs === undefined ? byTurn : (routes.ladder.find((rung) => rung.delayMs >= afterMs) ?? routes.ladder.at(-1));
  if (!chosen) throw new RangeError(`expected a rung for attempt ${attempt} of ${routes.queue}, it has ${routes.ladder.length}`);
  return chosen;
}

function bury(input: { facts: DeliveryFacts; routes: QueueRoutes; now: string; reason: string; class: string | undefined; details: unknown }): Settlement {
  const { facts, routes, now } = input;
  if (!routes.dead) return { kind: 'drop', reason: input.reason };
  const details = input.details === undefined ? undefined : JSON.stringify(input.details);
  return {
    kind: 'copy',
    to: routes.dead,
    as: 'dead',
    headers: {
      ...ownHeaders(facts),
      [messageHeaders.attempt]: facts.attempt,
      [messageHeaders.reason]: shorten(input.reason, maxReason),
      [messageHeaders.class]: input.class ?? 'unknown',
      [messageHeaders.sourceQueue]: routes.queue,
      [messageHeaders.deadAt]: now,
      ...(details === undefined ? {} : { [messageHeaders.details]: shorten(details, maxDetails) }),
    },
  };
}

/** The message's headers without those of the broker, and where it came from; headers too big to be sent again are left out, and it says so. */
function ownHeaders(facts: DeliveryFacts): Readonly<Record<string, unknown>> {
  const kept = Object.fromEntries(Object.entries(facts.headers).filter(([name]) => !name.startsWith('x-')));
  const tooBig = JSON.stringify(kept).length > maxForeignHeaders;
  return {
    ...(tooBig ? { [messageHeaders.headersDropped]: true } : kept),
    [messageHeaders.firstSeenAt]: facts.firstSeenAt,
    [messageHeaders.exchange]: facts.exchange,
    [messageHeaders.routingKey]: facts.routingKey,
  };
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
