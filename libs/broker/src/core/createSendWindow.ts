/** What the window must know of a message. */
export interface Windowed {
  readonly content: { readonly length: number };
  /** Its sender has been told how it went: it is sent no more. */
  readonly ended: boolean;
  /** It may be the one that made the broker close the channel: while it is under way nothing else is. */
  readonly suspect: boolean;
}

/** Messages that wait to be sent, in order, and those that are sent and not confirmed, by the delivery tag of the present channel. */
export interface SendWindow<T extends Windowed> {
  push(message: T): void;
  /** Those that must go again, before all that wait. */
  putBack(messages: readonly T[]): void;
  /** Takes out the next message that may be sent now; undefined where there is none, or no room for it. One that is larger than the window goes alone. */
  next(): T | undefined;
  /** It was sent: it is in flight, under the next tag. */
  sent(message: T): void;
  /** Takes what a confirm is about out of flight: one tag, or all up to it. */
  confirmed(tag: number, multiple: boolean): T[];
  /** The channel has ended: takes everything out of flight, in the order in which it was sent. */
  lost(): T[];
  /** A new channel counts its tags from 1. */
  restart(): void;
  /** Lets go of those that have ended, and of their bodies. */
  tidy(): void;
  readonly unsent: readonly T[];
  readonly inFlight: ReadonlyMap<number, T>;
  readonly inFlightBytes: number;
}

/** At most `maxInFlight` messages and `maxInFlightBytes` bytes are in flight at once. */
export function createSendWindow<T extends Windowed>({ maxInFlight, maxInFlightBytes }: { readonly maxInFlight: number; readonly maxInFlightBytes: number }): SendWindow<T> {
  let unsent: T[] = [];
  // Those before it are gone: to move a long list for each one that is sent would cost more than the sending.
  let head = 0;
  const inFlight = new Map<number, T>();
  let inFlightBytes = 0;
  let nextTag = 1;

  const take = (tag: number): T[] => {
    const message = inFlight.get(tag);
    if (message === undefined) return [];
    inFlight.delete(tag);
    inFlightBytes -= message.content.length;
    return [message];
  };
  const replaceUnsent = (messages: readonly T[]): void => {
    unsent = messages.filter((message) => !message.ended);
    head = 0;
  };

  return {
    push(message) {
      unsent.push(message);
    },
    putBack(messages) {
      replaceUnsent([...messages, ...unsent.slice(head)]);
    },
    next() {
      while (unsent[head]?.ended === true) head += 1;
      const message = unsent[head];
      if (message === undefined) {
        unsent = [];
        head = 0;
        return undefined;
      }
      const room = inFlight.size < maxInFlight && inFlightBytes + message.content.length <= maxInFlightBytes;
      const oneByOne = message.suspect || inFlight.values().next().value?.suspect === true;
      if (inFlight.size > 0 && (!room || oneByOne)) return undefined;
      head += 1;
      if (head > 1_000 && head * 2 > unsent.length) {
        unsent = unsent.slice(head);
        head = 0;
      }
      return message;
    },
    sent(message) {
      inFlight.set(nextTag, message);
      nextTag += 1;
      inFlightBytes += message.content.length;
    },
    confirmed(tag, multiple) {
      if (!multiple) return take(tag);
      const found: T[] = [];
      for (const known of inFlight.keys()) {
        if (known > tag) break; // tags grow, and a Map keeps their order
        found.push(...take(known));
      }
      return found;
    },
    lost() {
      const all = [...inFlight.values()];
      inFlight.clear();
      inFlightBytes = 0;
      return all;
    },
    restart() {
      nextTag = 1;
    },
    tidy() {
      if (unsent.some((message, index) => index >= head && message.ended)) replaceUnsent(unsent.slice(head));
    },
    get unsent() {
      return unsent.slice(head);
    },
    inFlight,
    get inFlightBytes() {
      return inFlightBytes;
    },
  };
}
