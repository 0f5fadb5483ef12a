import { describe, expect, it } from '@jest/globals';
import { scheduleSchema } from '@gleaner/contracts';
import { accountFires, type JobSpan } from './accountFires.ts';

const hour = 3_600_000;
const span = (version: number, from: number, more: Partial<JobSpan> & { readonly misfire?: 'latest' | 'all' | 'none' } = {}): JobSpan => {
  const { misfire = 'all', ...rest } = more;
  return { version, from: from * hour, paused: false, schedule: scheduleSchema.parse({ every: '1h', misfire }), ...rest };
};
const account = (spans: readonly JobSpan[], now: number): unknown[] =>
  accountFires({ jobId: 'job', spans, through: 0, now: now * hour, ahead: 500, lateAfter: 10_000, limit: 100 })
    .rows.map((row) => (row.kind === 'fire' ? [row.kind, row.at / hour, row.version] : [row.kind === 'missed' ? row.reason : row.kind, row.at / hour, row.through / hour, row.count, row.version]));

describe('a job that was deleted and made again while nobody led', () => {
  it('runs what the new one owes, and nothing of the old one', () => {
    expect(account([span(1, 0), span(2, 3.5, { deleted: true }), span(3, 5.5)], 7)).toEqual([['job deleted', 1, 3, 3, 1], ['fire', 6, 3], ['fire', 7, 3]]);
  });

  it('keeps the rows of the two apart, also where both have missed fires or pauses', () => {
    expect(account([span(1, 0), span(2, 3.5, { deleted: true }), span(3, 5.5, { misfire: 'latest' })], 7)).toEqual([['job deleted', 1, 3, 3, 1], ['misfire', 6, 6, 1, 3], ['fire', 7, 3]]);
    expect(account([span(1, 0, { paused: true }), span(2, 3.5, { deleted: true }), span(3, 4.5, { paused: true }), span(4, 6.5)], 7)).toEqual([['paused', 1, 3, 3, 1], ['paused', 5, 6, 2, 3], ['fire', 7, 4]]);
  });

  it('ends the pause of the old one, though the new one is paused too', () => {
    expect(account([span(1, 0, { paused: true }), span(2, 3.5, { deleted: true, paused: true }), span(3, 4.5, { paused: true })], 7)).toEqual([['paused', 1, 3, 3, 1]]);
  });

  it('twice: each life by itself', () => {
    expect(account([span(1, 0), span(2, 1.5, { deleted: true }), span(3, 2.5), span(4, 3.5, { deleted: true }), span(5, 4.5)], 5)).toEqual([['job deleted', 1, 1, 1, 1], ['job deleted', 3, 3, 1, 3], ['fire', 5, 5]]);
  });
});
