import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createSendWindow } from './createSendWindow.ts';

interface Message { readonly id: number; readonly content: { readonly length: number }; ended: boolean; suspect: boolean }
const message = (id: number, length = 1, suspect = false): Message => ({ id, content: { length }, ended: false, suspect });
const ids = (messages: Iterable<Message>): number[] => [...messages].map(({ id }) => id);

/** Takes and sends all that may go now. */
function sendAll(window: ReturnType<typeof createSendWindow<Message>>): number[] {
  const sent: number[] = [];
  for (let next = window.next(); next; next = window.next()) {
    window.sent(next);
    sent.push(next.id);
  }
  return sent;
}

describe('the send window', () => {
  it('lets so many messages and bytes out at once, in order, and one that is larger than it alone', () => {
    const window = createSendWindow<Message>({ maxInFlight: 3, maxInFlightBytes: 10 });
    for (const one of [message(1, 4), message(2, 6), message(3, 1), message(4, 50), message(5), message(6), message(7), message(8)]) window.push(one);
    expect(sendAll(window)).toEqual([1, 2]);
    expect(ids(window.confirmed(1, false))).toEqual([1]);
    expect(sendAll(window)).toEqual([3]);
    expect(ids(window.confirmed(3, true))).toEqual([2, 3]);
    expect(sendAll(window)).toEqual([4]);
    expect(window.inFlightBytes).toBe(50);
    expect(ids(window.confirmed(4, false))).toEqual([4]);
    expect(sendAll(window)).toEqual([5, 6, 7]);
    expect([window.confirmed(4, false), window.confirmed(99, false)]).toEqual([[], []]);
  });

  it('sends a suspect alone, nothing beside it and it beside nothing', () => {
    const window = createSendWindow<Message>({ maxInFlight: 10, maxInFlightBytes: 100 });
    for (const one of [message(1), message(2, 1, true), message(3)]) window.push(one);
    expect(sendAll(window)).toEqual([1]);
    window.confirmed(1, false);
    expect(sendAll(window)).toEqual([2]);
    const [suspect] = window.confirmed(2, false);
    expect(suspect?.id).toBe(2);
    expect(sendAll(window)).toEqual([3]);
  });

  it('gives back what a lost channel had, and sends it again first, under tags from 1', () => {
    const window = createSendWindow<Message>({ maxInFlight: 2, maxInFlightBytes: 100 });
    const all = [1, 2, 3, 4].map((id) => message(id));
    for (const one of all) window.push(one);
    sendAll(window);
    const lost = window.lost();
    expect([ids(lost), window.inFlight.size, window.inFlightBytes]).toEqual([[1, 2], 0, 0]);
    (all[1] as Message).ended = true;
    (all[2] as Message).ended = true;
    window.putBack(lost);
    window.restart();
    expect(sendAll(window)).toEqual([1, 4]);
    expect([...window.inFlight.keys()]).toEqual([1, 2]);
  });

  it('keeps every message in one place, within its bounds, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), length: fc.integer({ min: 0, max: 8 }) }),
      fc.record({ kind: fc.constant('send' as const) }),
      fc.record({ kind: fc.constant('confirm' as const), place: fc.nat(5), multiple: fc.boolean() }),
      fc.record({ kind: fc.constant('lose' as const) }),
      fc.record({ kind: fc.constant('end' as const), place: fc.nat(9) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const window = createSendWindow<Message>({ maxInFlight: 4, maxInFlightBytes: 10 });
      const living = new Map<number, Message>();
      let count = 0;
      for (const one of steps) {
        if (one.kind === 'push') {
          const pushed = message(count += 1, one.length);
          living.set(pushed.id, pushed);
          window.push(pushed);
        } else if (one.kind === 'send') sendAll(window);
        else if (one.kind === 'confirm') {
          const tag = [...window.inFlight.keys()][one.place];
          if (tag !== undefined) for (const { id } of window.confirmed(tag, one.multiple)) living.delete(id);
        } else if (one.kind === 'lose') {
          window.putBack(window.lost());
          window.restart();
        } else {
          // Its sender gives a waiting one up.
          const given = window.unsent.filter(({ ended }) => !ended)[one.place];
          if (given) {
            given.ended = true;
            living.delete(given.id);
            window.tidy();
          }
        }
        const bytes = [...window.inFlight.values()].reduce((sum, { content }) => sum + content.length, 0);
        expect(window.inFlightBytes).toBe(bytes);
        expect(window.inFlight.size <= 4 && (bytes <= 10 || window.inFlight.size === 1)).toBe(true);
        expect([...ids(window.inFlight.values()), ...ids(window.unsent)]).toEqual([...living.keys()]);
      }
    }));
  });
});
