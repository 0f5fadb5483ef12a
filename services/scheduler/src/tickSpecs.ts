import type { Schedule } from '@gleaner/contracts';
import { revisionId, type Database, type RevisionDocument } from '@gleaner/database';
import { originsOf } from '@gleaner/schedule';
import { tickSpec, type TickSpec } from './core/tickText.ts';

/** What starting a run of a job version takes. */
export interface RunSpec extends TickSpec {
  readonly schedule: Schedule;
  readonly maxDuration: number;
  readonly limits: { readonly concurrency?: number | undefined; readonly perMinute?: number | undefined };
  readonly forEachJob: { readonly job: string; readonly field: string } | undefined;
  readonly origins: readonly string[];
}

export type TickSpecs = ReturnType<typeof createTickSpecs>;

/** Job versions by the runs that need them, read in bulk and kept up to a size in characters. */
export function createTickSpecs({ database, maxChars = 32 * 1024 * 1024 }: { readonly database: Database; readonly maxChars?: number }) {
  const specs = new Map<string, RunSpec>();
  let chars = 0;

  const keep = (key: string, spec: RunSpec): void => {
    specs.set(key, spec);
    chars += spec.text.length;
    for (const [oldest, { text }] of specs) {
      if (chars <= maxChars || oldest === key) break;
      specs.delete(oldest);
      chars -= text.length;
    }
  };

  return {
    /** The specs of these runs by `job@version`; a version that is not in `revisions` is left out. */
    async of(runs: Iterable<{ readonly job: string; readonly jobVersion: number }>): Promise<ReadonlyMap<string, RunSpec>> {
      const wanted = new Map<string, RunSpec>();
      const missing = new Set<string>();
      for (const { job, jobVersion } of runs) {
        const key = revisionId(job, jobVersion);
        const known = specs.get(key);
        if (known) wanted.set(key, known); else missing.add(key);
      }
      if (missing.size === 0) return wanted;
      for await (const revision of database.collections.revisions.find({ _id: { $in: [...missing] } }, { batchSize: 1_000 })) {
        const spec = specOf(revision);
        wanted.set(revision._id, spec);
        keep(revision._id, spec);
      }
      return wanted;
    },
  };
}

function specOf({ definition, extractionHash, requestHash }: RevisionDocument): RunSpec {
  const http = 'http' in definition.source ? definition.source.http : undefined;
  return {
    ...tickSpec({ definition, extractionHash, requestHash }),
    schedule: definition.schedule, maxDuration: definition.maxDuration, limits: definition.limits ?? {}, origins: originsOf(http),
    forEachJob: http?.forEach && 'job' in http.forEach ? http.forEach : undefined,
  };
}
