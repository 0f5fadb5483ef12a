import type { RunAnswer } from '@gleaner/contracts';
import type { RunDocument } from '@gleaner/database';

/** A run as the API shows it. */
export function runAnswer(run: RunDocument): RunAnswer {
  return {
    id: run._id, job: run.job, jobVersion: run.jobVersion, trigger: run.trigger, state: run.state,
    ...given({ reason: run.reason, held: run.held, params: run.inputs.params }),
    scheduledAt: iso(run.scheduledAt),
    ...given({ publishedAt: isoOf(run.publishedAt), startedAt: isoOf(run.startedAt), endedAt: isoOf(run.endedAt) }),
    attempts: run.attempts,
    ...given({
      deadline: isoOf(run.deadline), nextAttemptAt: isoOf(run.nextAttemptAt),
      decision: run.decision && { accept: run.decision.accept, by: run.decision.by, at: iso(run.decision.at) },
      counts: run.counts, requests: run.requests, snapshot: run.snapshot, error: run.error && errorAnswer(run.error), letter: run.letter,
      count: run.count, through: isoOf(run.through), warnings: run.warnings, cause: run.cause, alerts: run.alerts?.map(({ id, sentAt }) => ({ id, ...given({ sentAt: isoOf(sentAt) }) })),
    }),
  };
}

const errorAnswer = ({ class: failure, message, status }: NonNullable<RunDocument['error']>): NonNullable<RunAnswer['error']> => ({ class: failure, message, ...given({ status }) });

const iso = (at: Date): string => at.toISOString();
const isoOf = (at: Date | undefined): string | undefined => at?.toISOString();

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined: unknown = absent. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
