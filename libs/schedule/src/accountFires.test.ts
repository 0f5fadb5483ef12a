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

describe('a stretch of a list of dense triggers', () => {
  it.each([
    ['one that fires each second covers the others', [{ every: '1s' }, { cron: '* * * * * *' }, { every: '7s' }, { cron: '30 4 * * *' }], 1],
    ['a dense one beside a rare one', [{ cron: '* * * * * *' }, { cron: '30 4 * * *' }, { every: '1h' }], 1],
    ['two dense ones come in parts', [{ cron: '*/2 * * * * *' }, { cron: '*/3 * * * * *' }], 2],
  ] as const)('is counted without holding up the leader: %s', (_name, any, least) => {
    const day = 24 * hour;
    const schedule = scheduleSchema.parse({ any });
    const spans: JobSpan[] = [{ version: 1, from: 0, paused: true, schedule }, { version: 2, from: 2 * day, paused: false, schedule }];
    const seconds = Array.from({ length: 2 * 86_400 - 1 }, (_, index) => index + 1).filter((second) => least === 1 || second % 2 === 0 || second % 3 === 0);
    let through = 0;
    let counted = 0;
    let rows = 0;
    let largest = 0;
    for (let more = true; more;) {
      const account = accountFires({ jobId: 'job', spans, through, now: 2 * day - 1, ahead: 0, lateAfter: 10_000, limit: 500 });
      for (const row of account.rows) if (row.kind === 'paused') { counted += row.count; rows += 1; largest = Math.max(largest, row.count); expect(row.at).toBeGreaterThan(through); }
      ({ through, more } = account);
    }
    expect([counted, through]).toEqual([seconds.length, (seconds.at(-1) ?? 0) * 1_000]);
    // Whatever is not counted by arithmetic is walked, some 50,000 fires at a time.
    if (least === 1) expect(rows).toBe(1);
    else expect(largest).toBeLessThan(160_000);
  });
});
