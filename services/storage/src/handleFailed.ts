import type { FailedReport } from '@gleaner/contracts';
import { findRun, moveRun } from '@gleaner/database';
import { dead, done, type Outcome } from '@gleaner/broker';
import { announceRun } from './announceRun.ts';
import { decideFailure } from './core/decideFailure.ts';
import { errorOf } from './core/errorOf.ts';
import { failRun } from './failRun.ts';
import { noteLastReport } from './noteLastReport.ts';
import type { StorageParts } from './storageParts.ts';

type Failed = Pick<FailedReport, 'run' | 'try' | 'class' | 'message' | 'status' | 'retryAfterMs' | 'origin' | 'evidence' | 'requests'> & { readonly attempt?: string };

const rounds = 20;

/** A try has failed: the run waits for the next one, or fails with a letter, in one write or one transaction. */
export async function handleFailed({ parts, report }: { readonly parts: StorageParts; readonly report: Failed }): Promise<Outcome> {
  const { database, random } = parts;
  for (let round = 0; round < rounds; round += 1) {
    const run = await database.collections.runs.findOne({ _id: report.run }, { readConcern: { level: 'majority' } });
    if (run === null) return dead(`expected run ${report.run}; there is none`, { class: 'unknown_run' });
    const now = database.clock.now();
    const decision = decideFailure({ run, failure: report, random: random(), now });
    if (decision.kind === 'ignore') {
      await noteLastReport(parts, run, report.try);
      return done();
    }
    const { status, retryAfterMs, origin, evidence, requests } = report;
    if (decision.kind === 'fail') {
      if (await failRun({ parts, run, failure: { class: report.class, message: report.message, status, retryAfterMs, origin, evidence, requests } })) return done();
      continue; // it moved meanwhile: decide anew
    }
    const error = errorOf(report, now);
    const moved = await moveRun({
      database, run: run._id, to: 'retrying', where: { rev: run.rev },
      set: { nextAttemptAt: decision.nextAttemptAt, error, requests, ...(report.class === 'stale_validators' ? { withoutValidators: true } : {}) },
    });
    if (moved === null) continue;
    announceRun(parts, moved);
    return done();
  }
  const last = await findRun({ database, run: report.run });
  throw new Error(`expected run ${report.run} to stand still for a moment; it is ${last?.state} at rev ${last?.rev}`);
}
