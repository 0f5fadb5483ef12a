import { duration, integer, readEnv, serviceFields, type EnvSource } from '@gleaner/runtime';

/** How the leader counts time; tests shorten it. All in ms. */
export interface SchedulerTimes {
  /** How long a lease lasts, how often it is renewed, when a leader stops itself, how often others look. */
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly stepDownMs: number;
  readonly candidateMs: number;
  /** How far before its moment a fire gets its row. */
  readonly aheadMs: number;
  /** The same where hundreds of jobs fire in the same moment: their rows take longer to write. */
  readonly burstAheadMs: number;
  /** How far before its moment a fire that nothing stands in the way of is queued, so that the moment itself only publishes. */
  readonly queueAheadMs: number;
  /** Fires this close to each other get their rows, and are queued, in one go: each by itself would cost the database and us ten times the work. */
  readonly gatherMs: number;
  /** How late a fire is a misfire. */
  readonly lateAfterMs: number;
  /** How often everything that events tell of is looked for, because they may be lost. */
  readonly scanMs: number;
  /** A queued run without a sign is published again after this, doubling up to the second. */
  readonly republishMs: number;
  readonly republishMaxMs: number;
  /** A running run without a sign for this long is probed for. */
  readonly lostAfterMs: number;
}

export const defaultTimes: SchedulerTimes = {
  leaseMs: 6_000, renewMs: 2_000, stepDownMs: 4_000, candidateMs: 1_000,
  aheadMs: 500, burstAheadMs: 2_000, queueAheadMs: 60, gatherMs: 50, lateAfterMs: 10_000, scanMs: 1_000, republishMs: 120_000, republishMaxMs: 3_600_000, lostAfterMs: 300_000,
};

/** What politeness an origin gets where no job asks for more; a job may only tighten it. `perMinute` 0 = no limit. */
export interface OriginDefaults {
  readonly concurrency: number;
  readonly perMinute: number;
}

const schema = {
  ...serviceFields,
  originConcurrency: integer('ORIGIN_CONCURRENCY', { default: 32, min: 1, max: 10_000 }),
  originPerMinute: integer('ORIGIN_PER_MINUTE', { default: 0, min: 0, max: 1_000_000 }),
  leaseMs: duration('SCHEDULER_LEASE', { default: defaultTimes.leaseMs, min: 600, max: 60_000 }),
};

/** The scheduler's configuration; throws an EnvError that lists every fault. */
export function readConfig(source: EnvSource = {}) {
  const env = readEnv(schema, source);
  const { leaseMs } = env;
  return Object.freeze({
    ...env,
    // One variable moves all four: they only make sense in this proportion.
    times: Object.freeze({ ...defaultTimes, leaseMs, renewMs: leaseMs / 3, stepDownMs: (leaseMs * 2) / 3, candidateMs: Math.min(1_000, leaseMs / 6) }) satisfies SchedulerTimes,
    origins: Object.freeze({ concurrency: env.originConcurrency, perMinute: env.originPerMinute }) satisfies OriginDefaults,
  });
}
