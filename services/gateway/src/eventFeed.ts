import type { EventMessage } from '@gleaner/contracts';

/** An event with its place in this copy's feed. */
export interface FeedEvent {
  readonly id: string;
  readonly event: EventMessage;
}

/** What listeners of a feed hear. */
export interface FeedListener {
  readonly onEvent: (event: FeedEvent) => void;
  /** Something may have been missed between the last event and the next: whoever shows state should read it anew. */
  readonly onGap: (id: string) => void;
}

/** The live events with a buffer of the newest, so that a listener that was away for a moment misses none. */
export interface EventFeed {
  push(event: EventMessage): void;
  gap(): void;
  /**
   * Hears events until the returned function is called. With `after` (an id that this feed gave) those in the buffer since then come first;
   * where they are no longer all there, or the id is another copy's, `onGap` does.
   */
  listen(listener: FeedListener, after?: string): () => void;
  /** Where the feed is now: who comes back with it has missed what came since. */
  readonly position: string;
  readonly listeners: number;
}

/** A feed of this copy. `epoch` marks its ids, so that an id of another copy (or an older life) is never taken for its own. */
export function createEventFeed({ epoch, size = 1_000 }: { readonly epoch: string; readonly size?: number }): EventFeed {
  const buffer: FeedEvent[] = [];
  const listeners = new Set<FeedListener>();
  /** Numbers are given to events and gaps alike, so that it shows on which side of a gap somebody left. */
  let count = 0;
  let gapAt = 0;
  /** The newest that is not in the buffer any more. */
  let dropped = 0;
  const position = (): string => `${epoch}-${count}`;
  return {
    push: (event) => {
      count += 1;
      const fed: FeedEvent = { id: position(), event };
      buffer.push(fed);
      if (buffer.length > size) dropped = split(buffer.shift()?.id ?? '')[1];
      for (const listener of listeners) listener.onEvent(fed);
    },
    gap: () => {
      count += 1;
      gapAt = count;
      for (const listener of listeners) listener.onGap(position());
    },
    listen: (listener, after) => {
      if (after !== undefined) {
        const [seenEpoch, seenCount] = split(after);
        // `!(… >= …)`: what is no number is behind everything.
        if (seenEpoch !== epoch || !(seenCount >= Math.max(dropped, gapAt)) || seenCount > count) listener.onGap(after);
        for (const fed of buffer) if (seenEpoch !== epoch || split(fed.id)[1] > seenCount) listener.onEvent(fed);
      }
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get position() {
      return position();
    },
    get listeners() {
      return listeners.size;
    },
  };
}

function split(id: string): [string, number] {
  const at = id.lastIndexOf('-');
  return [id.slice(0, at), Number(id.slice(at + 1))];
}
