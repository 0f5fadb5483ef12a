import type { JobHealth, RunState } from '@gleaner/contracts';

/** One word for a list of jobs. `stale` = no success for `expectEvery` (ms), which outranks the last run's end. */
export function healthOf({ paused, lastState, lastSuccessAt, expectEvery, since, now }: {
  readonly paused: boolean;
  /** State of the newest run that says something of the upstream. */
  readonly lastState: RunState | undefined;
  readonly lastSuccessAt: Date | undefined;
  readonly expectEvery: number | undefined;
  /** When the job was made: a job that never succeeded is stale from then on. */
  readonly since: Date;
  readonly now: Date;
}): JobHealth {
  if (paused) return 'paused';
  if (expectEvery !== undefined && now.getTime() - (lastSuccessAt ?? since).getTime() > expectEvery) return 'stale';
  if (lastState === 'quarantined') return 'quarantined';
  if (lastState === 'failed' || lastState === 'retrying') return 'failing';
  return lastSuccessAt === undefined ? 'new' : 'ok';
}
