import type { Topology } from '@gleaner/contracts';
import type { Outcome } from './outcome.ts';

/** A message to be published; the same `messageId` is used for every repeated try. */
export interface PublishRequest {
  /** '' is the default exchange: the routing key is then a queue's name. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly type: string;
  readonly messageId: string;
  readonly correlationId?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** An object is sent as JSON. */
  readonly body: Buffer | string | object;
  /** Time to live in its queue, ms; default none. Never on a queue where others have another. */
  readonly expiresMs?: number;
  /** How long to go on trying, ms; default 30,000; Infinity for as long as the broker lives or the signal allows. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

/** A message as a handler sees it. */
export interface Delivery {
  readonly body: Buffer;
  /** The body as JSON; a body that is none throws an error that settles the message as dead, class `unreadable`. */
  readonly json: () => unknown;
  readonly type: string;
  readonly messageId: string;
  readonly correlationId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The broker has given this copy out before (its handler died, or the connection did). */
  readonly redelivered: boolean;
  /** 1 for the first try; grows with each rung of the ladder. */
  readonly attempt: number;
  /** The queue it came from. */
  readonly queue: string;
  /** Where it was first published to. */
  readonly exchange: string;
  readonly routingKey: string;
  /** When this library first tried it, or its publisher's time stamp, ISO 8601. */
  readonly firstSeenAt: string;
  /** Aborted when this delivery can no longer be settled (its channel closed, the broker will give it out again) or when a stop ran out of time. */
  readonly signal: AbortSignal;
}

export type Handler = (delivery: Delivery) => Promise<Outcome> | Outcome;

/** A running consumer. */
export interface Consumer {
  readonly queue: string;
  /** Resolves when it first consumes; rejects only when it is stopped before. */
  readonly ready: Promise<void>;
  /** Deliveries whose handlers run or are being settled. */
  readonly inFlight: number;
  readonly consuming: boolean;
  /** Stops taking messages; what runs goes on. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Stops taking, hands back what has not begun, waits up to `deadlineMs` (default 20,000) for what runs, then leaves it to the broker. Never rejects, never hangs. */
  stop(options?: { readonly deadlineMs?: number }): Promise<void>;
}

/** A live listener on an exchange by an exclusive queue of its own. */
export interface Subscription {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** What a subscriber gets. */
export interface Announcement {
  readonly body: Buffer;
  readonly json: () => unknown;
  readonly type: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** A request for an answer of another service. */
export interface AskRequest {
  readonly exchange: string;
  readonly routingKey: string;
  readonly type: string;
  readonly body: Buffer | string | object;
  /** How long to wait for the answer, ms; the request expires in its queue at the same time. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** Numbers for metrics; all counters since start but `inFlight` and `waiting`. */
export interface BrokerStats {
  readonly inFlight: number;
  readonly inFlightBytes: number;
  readonly waiting: number;
  readonly published: number;
  readonly repeated: number;
  readonly unroutable: number;
  readonly announced: number;
  readonly announcementsDropped: number;
  readonly reconnects: number;
  readonly settled: Readonly<Record<'done' | 'retried' | 'dead' | 'requeued' | 'stale', number>>;
}

/** One broker as a service sees it: two connections, everything that is sent and taken, and its health. */
export interface Broker {
  /** Makes the topology stand, idempotent; it is declared again whenever a queue or exchange of it is found missing. Rejects with `topology_mismatch`. */
  declare(topology: Topology): Promise<void>;
  /** Resolves once the broker has confirmed the message in a queue; rejects with a BrokerError. */
  publish(request: PublishRequest): Promise<void>;
  /** Sends at most once, without waiting; dropped while not connected or blocked. Never throws. */
  announce(exchange: string, routingKey: string, body: Buffer | string | object, type?: string): void;
  /** Takes messages until it is stopped, `concurrency` at a time; heals itself. */
  consume(options: { readonly queue: string; readonly concurrency: number; readonly handler: Handler; readonly signal?: AbortSignal; readonly requeueDelayMs?: number }): Consumer;
  /** Hears what is announced on an exchange while it is connected; `onGap` is called after each reconnect, when something may have been missed. */
  subscribe(options: { readonly exchange: string; readonly routingKeys: readonly string[]; readonly handler: (announcement: Announcement) => void; readonly onGap?: () => void }): Subscription;
  /** Sends a request and resolves with the body of its answer; rejects with `no_reply`, `unroutable`, `remote_error`, `connection_lost`. */
  request(request: AskRequest): Promise<unknown>;
  /** Answers requests of a queue: what the handler returns is the answer; what it throws reaches the asker as `remote_error`. */
  reply(options: { readonly queue: string; readonly concurrency: number; readonly handler: (delivery: Delivery) => Promise<object> | object }): Consumer;
  health(): { readonly ok: boolean; readonly detail: Readonly<Record<string, unknown>> };
  stats(): BrokerStats;
  /** Stops consumers, waits for what is published, closes the connections; ends within `deadlineMs` (default 10,000), whatever the broker does. */
  close(options?: { readonly deadlineMs?: number }): Promise<void>;
}
