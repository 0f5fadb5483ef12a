import { compilePath, duration, observedAtOf, parsePath, positionAfter } from '@gleaner/contracts';
import { seriesAnswer } from '@gleaner/contracts/answers';
import { atOneTime, readHistory, readSnapshots, type ClientSession, type Database } from '@gleaner/database';
import { z } from 'zod';
import { ProblemError } from '../core/problem.ts';
import { repeated, when } from '../core/queryFields.ts';
import { sampleSeries, type SeriesPoint } from '../core/sampleSeries.ts';
import type { Gateway } from '../gateway.ts';
import { json } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectDataset, jobParams } from './jobParams.ts';

const counted = ['total', 'received', 'kept', 'added', 'changed', 'removed', 'unchanged'] as const;
const maxPoints = 10_000;
const maxKeys = 50;
const defaultStretchMs = 7 * 86_400_000;

interface Stretch {
  readonly from: Date;
  readonly to: Date;
  readonly step: number | undefined;
}

interface Reading {
  readonly database: Database;
  readonly session: ClientSession;
  readonly dataset: string;
  readonly field: string;
  readonly stretch: Stretch;
}

export const getSeries = ({ database }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/jobs/:job/series', scope: 'read', tag: 'items', summary: 'How a field of some items went, or how the counts did, for charts',
    params: jobParams,
    query: z.strictObject({
      field: z.string().min(1).max(256).meta({ description: `Path in the data of the items of \`key\`; without a key one of ${counted.join(', ')}.` }),
      key: repeated({ max: maxKeys, maxLength: 1_024 }).optional().meta({ description: `Items (repeat it, at most ${maxKeys}).` }),
      from: when.optional().meta({ description: 'Default 7 days before to.' }), to: when.optional().meta({ description: 'Default now.' }),
      step: duration({ min: 1_000 }).optional().meta({ description: 'A value every so long, such as 1h; absent = a point for each change.' }),
    }),
    answers: { 200: { description: `Points, oldest first, at most ${maxPoints} a series (the newest). A value holds until the next point; null = not there.`, schema: seriesAnswer } },
    handle: async ({ params, query: { field, key, step, ...asked } }) => {
      const { dataset } = await expectDataset({ database, id: params.job });
      const to = asked.to ?? database.clock.now();
      const from = asked.from ?? new Date(to.getTime() - defaultStretchMs);
      if (to <= from) throw badQuery('to', `expected a moment after ${from.toISOString()}; saw ${to.toISOString()}`);
      if (step !== undefined && (to.getTime() - from.getTime()) / step > maxPoints) throw badQuery('step', `expected at most ${maxPoints} steps from ${from.toISOString()} to ${to.toISOString()}`);
      const stretch: Stretch = { from, to, step };
      if (key === undefined && !counted.some((name) => name === field)) throw badQuery('field', `expected one of ${counted.join(', ')} where no key is given; saw ${JSON.stringify(field)}`);
      // Every page of every key is read as the database was at one moment.
      return await atOneTime({ database }, async (session) => {
        const reading: Reading = { database, session, dataset, field, stretch };
        const sampled = (points: SeriesPoint[]) => sampleSeries({ points, ...stretch, max: maxPoints });
        if (key === undefined) return json({ field, from, to, series: [{ points: sampled(await countPoints(reading)) }] });
        const series = [];
        for (const one of key) series.push({ key: one, points: sampled(await keyPoints({ ...reading, key: one })) });
        return json({ field, from, to, series });
      });
    },
  });

const badQuery = (path: string, message: string): ProblemError => new ProblemError('bad_query', `${path}: ${message}`, { faults: [{ path, code: 'out_of_range', message }] });

/** The newest first; the one that holds at the beginning of the stretch is the last. */
async function keyPoints({ database, session, dataset, key, field, stretch: { from, to } }: Reading & { readonly key: string }): Promise<SeriesPoint[]> {
  const points: SeriesPoint[] = [];
  const read = compilePath(parsePath(field));
  let after: string | undefined = positionAfter(to);
  while (after !== undefined && points.length <= maxPoints) {
    const page: Awaited<ReturnType<typeof readHistory>> = await readHistory({ database, session, dataset, key, after, since: from.toISOString(), limit: 1_000 });
    for (const version of page.versions) points.push({ at: observedAtOf(version.from), value: version.hash === null ? null : (read(version.data) ?? null) });
    after = page.next;
  }
  return points;
}

/** `field` is one of `counted`. */
async function countPoints({ database, session, dataset, field, stretch: { from, to } }: Reading): Promise<SeriesPoint[]> {
  const points: SeriesPoint[] = [];
  let after: string | undefined = positionAfter(to);
  while (after !== undefined && points.length <= maxPoints) {
    const page: Awaited<ReturnType<typeof readSnapshots>> = await readSnapshots({ database, session, dataset, after, limit: 1_000 });
    for (const { observedAt, counts } of page.snapshots) {
      points.push({ at: observedAt, value: counts[field as (typeof counted)[number]] });
      if (observedAt <= from) return points;
    }
    after = page.next;
  }
  return points;
}
