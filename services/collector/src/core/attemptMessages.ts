import type { ChangesReport, CompleteReport, FailedReport, Tick, TryHead, UnchangedReport } from '@gleaner/contracts';
import type { AttemptOutcome } from '../createRunAttempt.ts';
import { batchMessages } from './batchMessages.ts';

/** The messages that tell storage how an attempt ended, after the `sent` batches that went ahead: batches first, then the one report. */
export function attemptMessages({ tick, head, attempt, startedAt, sent = 0, outcome }: {
  readonly tick: Pick<Tick, 'extractionHash' | 'requestHash'>;
  readonly head: TryHead;
  readonly attempt: string;
  readonly startedAt: string;
  readonly sent?: number;
  readonly outcome: AttemptOutcome;
}): { readonly batches: readonly string[]; readonly report: string | object } {
  const about = { v: 1, ...head, attempt, startedAt } as const;
  if (outcome.kind === 'failed') {
    const { class: failure, message, status, retryAfterMs, origin, evidence, requests } = outcome;
    const report: FailedReport = {
      ...about, kind: 'failed', class: failure, message, requests,
      ...(status === undefined ? {} : { status }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(origin === undefined ? {} : { origin }), ...(evidence === undefined ? {} : { evidence }),
    };
    return { batches: [], report };
  }
  const { observedAt, requests, request } = outcome;
  if (outcome.kind === 'unchanged') {
    const report: UnchangedReport = { ...about, kind: 'unchanged', observedAt, base: outcome.base, requests, request };
    return { batches: [], report };
  }
  const complete: Omit<CompleteReport | ChangesReport, 'batches' | 'items'> = {
    ...about, ...(outcome.base === undefined ? { kind: 'complete' } : { kind: 'changes', base: outcome.base }), observedAt, counts: outcome.counts, requests, request, extractionHash: tick.extractionHash, requestHash: tick.requestHash,
    ...(outcome.validators ? { validators: outcome.validators } : {}), ...(outcome.warnings.length > 0 ? { warnings: outcome.warnings } : {}),
  };
  const messages = batchMessages({ head, attempt, sent, items: outcome.items, complete });
  return { batches: messages.batches, report: messages.complete };
}
