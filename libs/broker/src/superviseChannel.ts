import type { Channel, ConfirmChannel } from 'amqplib';
import { backoffMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import type { BrokerLog } from './brokerLog.ts';
import { replyCode } from './connectFault.ts';
import type { Link } from './link.ts';
import { settledWithin, waitFor } from './waitFor.ts';

/** One life of a channel. What belongs to an older life (an ack, a confirm) must not touch a newer one: ask `open` first. */
export interface ChannelLife<C extends Channel> {
  readonly channel: C;
  readonly generation: number;
  readonly open: boolean;
  /** Aborted when this life is over. */
  readonly ended: AbortSignal;
  /** Ends this life on purpose; a new one follows after the back-off, and after healing where the code is 404. */
  end(reason: string, code?: number): void;
}

/** A channel that is opened again whenever it closes, for any reason. */
export interface SupervisedChannel<C extends Channel> {
  readonly current: ChannelLife<C> | undefined;
  /** Closes the channel for good; what was not acknowledged goes back to the broker. Ends within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

const reopenBackoff: Backoff = { minMs: 50, maxMs: 5_000 };
/** A channel that lived this long counts as healthy: the next fault starts the back-off anew. */
const healthyMs = 5_000;

/**
 * Keeps a channel open on a link. `setup` prepares each life (prefetch, consume); when it throws, the life ends and the next begins after a growing wait.
 * `onEnd` hears of each life's end and of the broker's reply code where it closed the channel; `heal` (declare the topology) runs before a new life when something was missing.
 */
export function superviseChannel<C extends Channel = ConfirmChannel>(options: {
  readonly link: Link;
  readonly name: string;
  readonly open: (model: Awaited<ReturnType<Link['up']>>) => Promise<C>;
  readonly setup: (life: ChannelLife<C>) => Promise<void>;
  readonly onEnd?: (life: ChannelLife<C>, cause: { readonly code?: number; readonly error?: Error }) => void;
  readonly heal?: () => Promise<void>;
  readonly log: BrokerLog;
}): SupervisedChannel<C> {
  const { link, name, open, setup, onEnd, heal, log } = options;
  const stopping = new AbortController();
  let current: ChannelLife<C> | undefined;
  let generation = 0;

  const liveOnce = async (): Promise<{ code?: number; error?: Error }> => {
    const channel = await open(await link.up());
    const ended = new AbortController();
    let cause: { code?: number; error?: Error } = {};
    const life: ChannelLife<C> = {
      channel,
      generation: ++generation,
      ended: ended.signal,
      get open() {
        return !ended.signal.aborted;
      },
      end: (reason, code) => {
        if (ended.signal.aborted) return;
        cause = { error: new Error(reason), ...(code === undefined ? {} : { code }) };
        closeQuietly(channel);
        // The goodbye may never be answered; the life is over now, whatever the broker says.
        over();
      },
    };
    let over = (): void => {};
    const closed = new Promise<void>((resolve) => {
      over = () => {
        if (ended.signal.aborted) return;
        ended.abort();
        if (current === life) current = undefined;
        onEnd?.(life, cause);
        resolve();
      };
    });
    channel.on('error', (error) => {
      const code = replyCode(error);
      cause = { error, ...(code === undefined ? {} : { code }) };
    });
    channel.on('handler-error', (error, event) => log.error({ err: error, event, channel: name }, 'a listener of the channel failed'));
    channel.on('close', () => over());
    if (stopping.signal.aborted) closeQuietly(channel);
    current = life;
    try {
      await setup(life);
    } catch (error) {
      const code = replyCode(error);
      if (!ended.signal.aborted) {
        cause = { error: error instanceof Error ? error : new Error(String(error)), ...(code === undefined ? {} : { code }) };
        closeQuietly(channel);
        over();
      }
    }
    await closed;
    return cause;
  };

  const run = async (): Promise<void> => {
    const isOver = (): boolean => stopping.signal.aborted || link.state === 'closed';
    for (let failures = 0; !isOver(); ) {
      const since = performance.now();
      let cause: { code?: number; error?: Error };
      try {
        cause = await liveOnce();
      } catch (error) {
        cause = { error: error instanceof Error ? error : new Error(String(error)) };
      }
      if (isOver()) break;
      failures = performance.now() - since > healthyMs ? 0 : failures + 1;
      log.warn({ channel: name, failures, ...(cause.code === undefined ? {} : { code: cause.code }), ...(cause.error ? { err: cause.error } : {}) }, 'channel lost; opening another');
      await waitFor(backoffMs(reopenBackoff, failures, Math.random()), stopping.signal);
      // Only where the broker itself ended it: after a lost connection the broker's queues still stand, and the reconnect declares anyway.
      if (cause.code === 404 && heal && !stopping.signal.aborted) {
        await heal().catch((error: unknown) => log.error({ err: error, channel: name }, 'could not declare the topology again'));
      }
    }
  };
  const running = run();

  return {
    get current() {
      return current;
    },
    async stop(deadlineMs) {
      stopping.abort();
      const life = current;
      if (life) {
        await settledWithin(Promise.resolve().then(() => life.channel.close()), deadlineMs);
        life.end('stopped');
      }
      // A run that waits for a connection that never comes ends with its link; it holds nothing.
      if (link.state === 'up') await settledWithin(running, Math.max(50, deadlineMs));
    },
  };
}

/** A channel that is already closing or closed throws; it is closed either way. */
function closeQuietly(channel: Channel): void {
  void Promise.resolve()
    .then(() => channel.close())
    .catch(() => undefined); // closed already: that is all we wanted
}
