import type { Probe } from '@gleaner/contracts';
import { updateRun } from '@gleaner/database';
import { done, type Outcome } from '@gleaner/broker';
import type { StorageParts } from './storageParts.ts';

/** The leader asks whether what was sent before this has been handled: answered by a mark on the run. */
export async function handleProbe({ parts: { database }, probe }: { readonly parts: StorageParts; readonly probe: Probe }): Promise<Outcome> {
  await updateRun({ database, run: probe.run, where: { attempts: probe.try, 'probe.at': new Date(probe.at) }, set: { probe: { at: new Date(probe.at), handledAt: database.clock.now() } } });
  return done();
}
