import { exchanges, type ControlMessage, type EventMessage } from '@gleaner/contracts';
import type { Broker } from '@gleaner/broker';

export type Announcer = ReturnType<typeof createAnnouncer>;

/** What the leader tells others best effort: the live view, and collectors that should stop asking. Losing any of it changes no outcome. */
export function createAnnouncer({ broker }: { readonly broker: Pick<Broker, 'announce'> }) {
  const control = (message: ControlMessage): void => { broker.announce(exchanges.control, '', message, message.kind); };
  return {
    /** The attempts of this try, and of those before it, are to stop. */
    abort: ({ run, try: number }: { readonly run: string; readonly try: number }, reason: string): void => { control({ kind: 'abort', run, try: number, reason }); },
    pauseOrigin: (origin: string, until: Date): void => { control({ kind: 'pause-origin', origin, until: until.toISOString() }); },
    moved: (run: { readonly _id: string; readonly job: string }, state: string, { rev = 0, at }: { readonly rev?: number; readonly at: Date }): void => {
      const event: EventMessage = { kind: 'run', run: run._id, job: run.job, state, rev, at: at.toISOString() };
      broker.announce(exchanges.events, `run.${state}`, event, 'run');
    },
  };
}
