/** A queue as data. Its name carries whatever would otherwise clash with an older declaration (a ladder's TTL). */
export interface QueueShape {
  readonly name: string;
  readonly kind: 'quorum' | 'classic';
  /** Fixed time to live of each message, ms: only for the rungs of a ladder and for `try`. */
  readonly ttlMs?: number;
  /** Where the broker sends what it gives up or what has expired. */
  readonly deadLetter?: { readonly exchange: string; readonly routingKey: string };
  /** Deliveries after which the broker itself gives a message up (the net below our own settling). */
  readonly deliveryLimit?: number;
  readonly maxLengthBytes?: number;
  /** Exchange and routing key by which messages reach it. */
  readonly binding: { readonly exchange: string; readonly routingKey: string };
}

export interface ExchangeShape {
  readonly name: string;
  readonly kind: 'direct' | 'topic' | 'fanout';
}

/** Waits before a message of a queue is delivered again, in order; after the last rung it is dead. */
export interface Ladder {
  readonly queue: string;
  readonly rungs: readonly { readonly queue: string; readonly delayMs: number }[];
}

export interface Topology {
  readonly exchanges: readonly ExchangeShape[];
  /** In the order of declaration: dead-letter queues, ladders, work queues. */
  readonly queues: readonly QueueShape[];
  readonly ladders: readonly Ladder[];
  /** Work queue → the queue that its dead letters lie in. */
  readonly deadQueues: Readonly<Record<string, string>>;
}

/** The names that messages are sent to and taken from. Nothing outside this file spells one out. */
export const exchanges = { work: 'gleaner', retry: 'gleaner.retry', dead: 'gleaner.dead', control: 'gleaner.control', events: 'gleaner.events' } as const;
export const queues = { collect: 'collect', store: 'store', try: 'try' } as const;
export const deadQueues = { collect: 'collect.dead', store: 'store.dead' } as const;

const rungs = [
  { label: '5s', delayMs: 5_000 },
  { label: '30s', delayMs: 30_000 },
  { label: '2m', delayMs: 120_000 },
] as const;
const laddered = [queues.store] as const;
const dying = [queues.collect, queues.store] as const;

const rungName = (queue: string, label: string): string => `${queue}.retry.${label}`;

const deadShapes: QueueShape[] = dying.map((queue) => ({
  name: deadQueues[queue],
  kind: 'classic',
  binding: { exchange: exchanges.dead, routingKey: queue },
}));

const rungShapes: QueueShape[] = laddered.flatMap((queue) =>
  rungs.map(({ label, delayMs }): QueueShape => ({
    name: rungName(queue, label),
    kind: 'quorum',
    ttlMs: delayMs,
    deadLetter: { exchange: exchanges.work, routingKey: queue },
    binding: { exchange: exchanges.retry, routingKey: rungName(queue, label) },
  })),
);

const workShapes: QueueShape[] = dying.map((queue) => ({
  name: queue,
  kind: 'quorum',
  deliveryLimit: 10,
  deadLetter: { exchange: exchanges.dead, routingKey: queue },
  binding: { exchange: exchanges.work, routingKey: queue },
}));

const tryShape: QueueShape = {
  name: queues.try,
  kind: 'classic',
  ttlMs: 30_000,
  binding: { exchange: exchanges.work, routingKey: queues.try },
};

/** The whole topology on a page; every service declares it at start, which changes nothing where it stands already. */
export const topology: Topology = {
  exchanges: [
    { name: exchanges.work, kind: 'direct' },
    { name: exchanges.retry, kind: 'direct' },
    { name: exchanges.dead, kind: 'direct' },
    { name: exchanges.control, kind: 'fanout' },
    { name: exchanges.events, kind: 'topic' },
  ],
  queues: [...deadShapes, ...rungShapes, ...workShapes, tryShape],
  ladders: laddered.map((queue) => ({ queue, rungs: rungs.map(({ label, delayMs }) => ({ queue: rungName(queue, label), delayMs })) })),
  deadQueues,
};
