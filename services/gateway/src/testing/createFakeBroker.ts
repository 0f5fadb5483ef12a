import type { Announcement, AskRequest, Broker } from '@gleaner/broker';
import type { EventMessage } from '@gleaner/contracts';

export interface FakeBroker extends Broker {
  readonly announced: { readonly exchange: string; readonly routingKey: string; readonly body: unknown }[];
  /** What the events exchange would bring. */
  push(event: EventMessage): void;
  /** As after a reconnect. */
  gap(): void;
}

/** A broker that is not there: it remembers what was announced and brings what a test pushes. `overrides` answer requests. */
export function createFakeBroker(overrides: Partial<Broker> = {}): FakeBroker {
  const announced: FakeBroker['announced'] = [];
  const handlers = new Set<{ readonly handler: (announcement: Announcement) => void; readonly onGap?: (() => void) | undefined }>();
  const absent = (): never => {
    throw new Error('the fake broker does not do this');
  };
  return {
    declare: async () => undefined,
    publish: async () => absent(),
    announce: (exchange, routingKey, body) => void announced.push({ exchange, routingKey, body }),
    consume: absent,
    reply: absent,
    request: async (_request: AskRequest) => absent(),
    subscribe: ({ handler, onGap }) => {
      const entry = { handler, onGap };
      handlers.add(entry);
      return { ready: Promise.resolve(), stop: async () => void handlers.delete(entry) };
    },
    health: () => ({ ok: true, detail: {} }),
    stats: absent,
    close: async () => undefined,
    ...overrides,
    announced,
    push: (event) => {
      const body = Buffer.from(JSON.stringify(event));
      for (const { handler } of handlers) handler({ body, json: () => event, type: 'event', exchange: 'events', routingKey: event.kind });
    },
    gap: () => {
      for (const { onGap } of handlers) onGap?.();
    },
  };
}
