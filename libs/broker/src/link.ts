import { Duplex } from 'node:stream';
import { connect } from 'amqplib';
import type { ChannelModel } from 'amqplib';
import { backoffMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { BrokerError } from './brokerError.ts';
import type { BrokerLog } from './brokerLog.ts';
import { connectFault, isPermanent } from './connectFault.ts';
import { gatherWrites } from './gatherWrites.ts';
import { settledWithin, waitFor } from './waitFor.ts';

/** One connection that comes back by itself. Channels are the business of superviseChannel. */
export interface Link {
  readonly name: string;
  readonly state: 'connecting' | 'up' | 'closed';
  /** Why the broker has stopped reading from this connection; undefined while it reads. */
  readonly blocked: string | undefined;
  /** Grows with each connection made. */
  readonly generation: number;
  readonly lastError: BrokerError | undefined;
  /** The connection, as soon as there is one; rejects with `closed`, or on the first try with what cannot heal. */
  up(): Promise<ChannelModel>;
  /** Called after each change of state or of `blocked`; returns what ends that. */
  onChange(listener: () => void): () => void;
  /** Cuts the socket: for a peer that no longer answers. The link then connects anew. */
  cut(reason: string): void;
  /** Says goodbye, and cuts the socket where no answer comes within `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

const reconnectBackoff: Backoff = { minMs: 100, maxMs: 5_000 };
const permanentWaitMs = 15_000;
const heartbeatSeconds = 15;

/** Starts connecting at once and goes on for ever, but for faults of the first try that cannot heal: those end it as `closed`. */
export function openLink(options: { readonly url: string; readonly name: string; readonly log: BrokerLog; readonly failFast: boolean; readonly connectTimeoutMs: number }): Link {
  const { url, name, log, failFast, connectTimeoutMs } = options;
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  let model: ChannelModel | undefined;
  let state: Link['state'] = 'connecting';
  let blocked: string | undefined;
  let generation = 0;
  let lastError: BrokerError | undefined;
  const waiters: { resolve: (model: ChannelModel) => void; reject: (error: BrokerError) => void }[] = [];

  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const closedError = (): BrokerError => lastError ?? new BrokerError('closed', `the connection ${name} is closed`);

  const connectOnce = async (): Promise<ChannelModel> => {
    try {
      const opened = await connect(withHeartbeat(url), { timeout: connectTimeoutMs, noDelay: true, keepAlive: true, clientProperties: { connection_name: name } });
      const socket = socketOf(opened);
      if (socket) gatherWrites(socket);
      return opened;
    } catch (error) {
      throw connectFault(error, url);
    }
  };

  /** Lives as long as one connection does. */
  const liveWith = (opened: ChannelModel): Promise<void> =>
    new Promise((resolve) => {
      opened.on('error', (error) => log.warn({ err: error, connection: name }, 'connection error'));
      opened.on('handler-error', (error, event) => log.error({ err: error, event, connection: name }, 'a listener of the connection failed'));
      opened.on('blocked', (reason) => {
        blocked = reason;
        log.warn({ connection: name, reason }, 'the broker blocks publishing');
        changed();
      });
      opened.on('unblocked', () => {
        blocked = undefined;
        log.info({ connection: name }, 'the broker takes messages again');
        changed();
      });
      opened.on('close', (error) => {
        // amqplib ends the socket politely; a dead peer would keep it, and the process, alive.
        socketOf(opened)?.destroy();
        if (state !== 'closed') log.warn({ connection: name, ...(error ? { err: error } : {}) }, 'connection closed; connecting again');
        resolve();
      });
      model = opened;
      state = 'up';
      blocked = undefined;
      generation += 1;
      lastError = undefined;
      log.info({ connection: name, generation }, 'connected');
      for (const waiter of waiters.splice(0)) waiter.resolve(opened);
      changed();
    });

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; ) {
      let opened: ChannelModel;
      try {
        opened = await connectOnce();
      } catch (error) {
        lastError = error instanceof BrokerError ? error : connectFault(error, url);
        const permanent = isPermanent(lastError);
        if (permanent && failFast && generation === 0) break;
        log[permanent ? 'error' : 'warn']({ err: lastError, connection: name, failures }, 'not connected; trying again');
        await waitFor(permanent ? permanentWaitMs : backoffMs(reconnectBackoff, failures, Math.random()), stopping.signal);
        failures += 1;
        continue;
      }
      if (stopping.signal.aborted) {
        cutSocket(opened, `${name} is closing`);
        break;
      }
      const since = performance.now();
      await liveWith(opened);
      model = undefined;
      blocked = undefined;
      if (stopping.signal.aborted) break;
      state = 'connecting';
      changed();
      failures = performance.now() - since > 10_000 ? 0 : failures + 1;
      await waitFor(backoffMs(reconnectBackoff, failures, Math.random()), stopping.signal);
    }
    state = 'closed';
    for (const waiter of waiters.splice(0)) waiter.reject(closedError());
    changed();
  };
  const running = run();

  return {
    name,
    get state() {
      return state;
    },
    get blocked() {
      return blocked;
    },
    get generation() {
      return generation;
    },
    get lastError() {
      return lastError;
    },
    up() {
      if (model && state === 'up') return Promise.resolve(model);
      if (state === 'closed') return Promise.reject(closedError());
      return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    cut(reason) {
      if (!model) return;
      log.warn({ connection: name, reason }, 'cutting the connection');
      cutSocket(model, reason);
    },
    async close(deadlineMs) {
      state = 'closed';
      const open = model;
      stopping.abort();
      if (open) {
        // Both ways of closing may hang or throw when the peer is gone; the socket decides in the end.
        await settledWithin(Promise.resolve().then(() => open.close()), deadlineMs);
        cutSocket(open, `${name} is closing`);
      }
      await settledWithin(running, Math.max(100, deadlineMs));
    },
  };
}

function withHeartbeat(url: string): string {
  const parsed = new URL(url);
  if (!parsed.searchParams.has('heartbeat')) parsed.searchParams.set('heartbeat', String(heartbeatSeconds));
  return parsed.toString();
}

/** With an error, because amqplib ends its heartbeats, channels and itself only when it hears of one. */
function cutSocket(model: ChannelModel, reason: string): void {
  socketOf(model)?.destroy(new BrokerError('connection_lost', reason));
}

/** The socket below a connection; amqplib has no call to cut it. */
function socketOf(model: ChannelModel): Duplex | undefined {
  const { connection } = model;
  return 'stream' in connection && connection.stream instanceof Duplex ? connection.stream : undefined;
}
