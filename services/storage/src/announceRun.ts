import { exchanges, type EventMessage } from '@gleaner/contracts';
import type { RunDocument } from '@gleaner/database';
import type { StorageParts } from './storageParts.ts';

/** Tells whoever watches that a run has moved; may be lost, the row in `runs` is the truth. */
export function announceRun({ broker, database }: Pick<StorageParts, 'broker' | 'database'>, run: RunDocument): void {
  const event: EventMessage = { kind: 'run', run: run._id, job: run.job, state: run.state, rev: run.rev, at: (run.movedAt ?? database.clock.now()).toISOString() };
  broker.announce(exchanges.events, `run.${run.state}`, event);
}
