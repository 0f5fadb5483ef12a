import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { positionOf, type BatchItem, type GoneItem } from '@gleaner/contracts';
import { createKeyframeCache, diffMoments, readHistory, readItems, readSnapshots, type Difference, type JobDocument, type RunDocument } from '@gleaner/database';
import { allKeys, steps, type Step } from '../test/deliveries.ts';
import type { Delivered } from '../test/memoryHistory.ts';
import { NaiveHistory } from '../test/naiveHistory.ts';
import { messages, withStorage, type Message, type StorageTest } from '../test/withStorage.ts';
import type { StorageParts } from './storageParts.ts';
import { moveHorizon } from './sweep/moveHorizon.ts';
import { sweepGenerations } from './sweep/sweepGenerations.ts';
import { sweepHistory } from './sweep/sweepHistory.ts';

const layouts = [
  { epochShare: 2, epochMinimum: 99, mostChanges: 99, logShare: 1, logMinimum: 999, generationShare: 2, generationMinimum: 99 },
  { epochShare: 0.5, epochMinimum: 2, mostChanges: 99, logShare: 1, logMinimum: 3, generationShare: 0.5, generationMinimum: 2 },
];
const crashPoints = ['before the state is written', 'before the transaction', 'before the run moves', 'before the commit', 'after the commit', 'after a batch is kept', 'after the complete report is kept'];

/** How a step is delivered: where storage crashes on the way, in how many batches it comes, whether the next step comes at the same time. */
interface Manner {
  readonly crash: number;
  readonly batches: number;
  readonly together: boolean;
  /** Sent as what differs from that snapshot of those that are readable, counted from the newest; beyond them all of it is sent. */
  readonly changesOf: number;
}
const manners = fc.array(fc.record({ crash: fc.integer({ min: -6, max: crashPoints.length - 1 }), batches: fc.integer({ min: 0, max: 3 }), together: fc.boolean(), changesOf: fc.integer({ min: 0, max: 5 }) }), { minLength: 9, maxLength: 9 });

/** One for all cases: whatever one of them leaves here must be right for every other. Small, so that blocks are dropped as well. */
const blocks = createKeyframeCache({ maxBlockChars: 2_000, maxStarts: 20 });

class Case {
  readonly naive = new NaiveHistory({ runsEnd: true });
  readonly test: StorageTest;
  readonly job: JobDocument;
  readonly runs = new Map<string, RunDocument>();
  readonly storages: readonly StorageParts[];
  readonly begin: number;
  constructor(test: StorageTest, job: JobDocument) {
    this.test = test;
    this.job = job;
    this.storages = [test.another(), test.another({}, 9)];
    this.begin = Math.floor(Date.now() / 1_000) * 1_000 - 600_000;
  }

  async deliver(step: Delivered, { crash, batches, changesOf }: Manner, storage: number): Promise<void> {
    const run = await this.runOf(step.run);
    const observedAt = this.momentOf(step);
    const items = [...step.content].map(([k, { hash, data }]) => ({ k, h: hash, d: data as Record<string, unknown> }));
    // Another delivery of a run is another attempt: what one of them saw must not be mixed with the other.
    const attempt = `${run._id}.${this.#attempts++}`;
    const extractionHash = `x${run.jobVersion}`;
    const base = step.sameAs === undefined ? undefined : (await this.runOf(step.sameAs))._id;
    const known = this.#knownBy(run, step, changesOf);
    const sent: Message[] = known !== undefined ? messages.changes(run, known.run, changesBetween(this.naive.stateAt(known.position), step.content), { batches, kept: step.content.size, observedAt, attempt, extractionHash })
      : base !== undefined ? [messages.unchanged(run, base, { observedAt, attempt })]
      : batches === 0 ? [messages.complete(run, items, { observedAt, attempt, extractionHash })] : messages.set(run, items, { batches, observedAt, attempt, extractionHash });
    const parts = this.storages[storage] as StorageParts;
    const one = async (message: Message): Promise<void> => {
      const point = crashPoints[crash];
      if (point !== undefined) {
        const crashing = { ...parts, onStep: (at: string) => { if (at === point) throw new Error('crash'); } };
        await this.test.handle(message, crashing).catch(() => undefined); // the crash; the message comes again below
      }
      await this.test.handle(message, parts);
    };
    if (storage === 1) await Promise.all(sent.map(one));
    else for (const message of sent.toReversed()) await one(message);
  }
  #attempts = 0;

  /** The snapshot that the collector of a whole content remembers: a readable one of the same definition. */
  #knownBy(run: RunDocument, step: Delivered, changesOf: number): { readonly run: string; readonly position: string } | undefined {
    return step.sameAs !== undefined || step.kind === 'partial' ? undefined : this.naive.readable().filter(({ definition }) => definition === run.jobVersion).at(-1 - changesOf);
  }

  async runOf(name: string): Promise<RunDocument> {
    const known = this.runs.get(name);
    if (known) return known;
    const run = await this.test.run(this.job, name.slice(4), { maxAttempts: 1_000, jobVersion: versionOf(name) });
    this.runs.set(name, run);
    return run;
  }

  momentOf({ position }: Delivered): Date {
    return new Date(this.begin + Number(position.slice(18, 19)) * 1_000);
  }

  /** The same step for the naive model, in the words of this case: the job's own run ids and moments. */
  async naively(step: Delivered): Promise<Delivered> {
    const run = await this.runOf(step.run);
    return { ...step, version: run.jobVersion, run: run._id, position: positionOf(this.momentOf(step), run._id), ...(step.sameAs === undefined ? {} : { sameAs: (await this.runOf(step.sameAs))._id }) };
  }

  async sweep(share: number): Promise<void> {
    const readable = this.naive.readable();
    const kept = readable.length - Math.floor(share * readable.length);
    const { parts, history } = this.test;
    const head = await history.heads.findOne({ _id: this.job.dataset });
    if (head === null || readable.length === 0) return;
    if (await moveHorizon({ parts, head, retention: { snapshots: kept }, now: new Date() })) this.naive.horizon = readable[readable.length - kept]?.position ?? '';
    const moved = await history.heads.findOne({ _id: this.job.dataset });
    expect(moved?.horizon ?? '').toBe(this.naive.horizon);
    if (moved) await Promise.all([sweepHistory({ parts, head: moved }), sweepHistory({ parts, head: moved }), sweepGenerations({ parts })]);
  }

  async compare(): Promise<void> {
    const { test: { database, history }, job: { dataset }, naive } = this;
    const rows = naive.readable();
    const offset = naive.kept.length - rows.length;
    const { snapshots } = await readSnapshots({ database, dataset, limit: 100 });
    expect(snapshots.map(({ position, counts: { added, changed, removed, total } }) => [position, added, changed, removed, total]).toReversed())
      .toEqual(rows.map(({ position }, index) => { const { added, changed, removed, total } = naive.counts(offset + index); return [position, added, changed, removed, total]; }));
    for (const { counts } of snapshots) expect(counts.unchanged).toBe(counts.kept - counts.added - counts.changed);
    const pages = [...rows.map(({ run, position }) => ({ position, request: { run } })), ...(rows.length > 0 ? [{ position: rows.at(-1)?.position ?? '', request: {} }] : [])];
    for (const { position, request } of pages) {
      const expected = [...naive.stateAt(position)].map(([key, { data }]) => ({ key, since: naive.since(key, position), data })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
      const whole = await readItems({ database, dataset, limit: 100, ...request });
      expect(whole.items).toEqual(expected);
      expect(whole.total).toBe(expected.length);
      const [first] = expected;
      if (first) expect((await readItems({ database, dataset, limit: 2, after: first.key, ...request })).items).toEqual(expected.slice(1, 3));
      for (const after of [undefined, 'a', 'bb', 'd']) expect((await readItems({ database, dataset, limit: 2, after, cache: blocks, ...request })).items).toEqual(expected.filter(({ key }) => after === undefined || key > after).slice(0, 2));
      expect((await readItems({ database, dataset, limit: 9, keys: ['d', 'b'], ...request })).items).toEqual(expected.filter(({ key }) => key === 'b' || key === 'd'));
    }
    for (const key of allKeys) {
      const expected = naive.history(key).toReversed().map(({ from, to, hash, data }) => ({ from, ...(to === undefined ? {} : { to }), hash, ...(hash === null ? {} : { data }) }));
      expect((await readHistory({ database, dataset, key, limit: 100 })).versions).toMatchObject(expected);
      const paged = [];
      for (let after: string | undefined, more = true; more;) {
        const page = await readHistory({ database, dataset, key, limit: 2, after });
        paged.push(...page.versions);
        after = page.next;
        more = after !== undefined;
      }
      expect(paged).toMatchObject(expected);
      expect(paged).toHaveLength(expected.length);
    }
    for (const from of rows) for (const to of rows) {
      const { differences } = await diffMoments({ database, dataset, from: { run: from.run }, to: { run: to.run }, limit: 100 });
      expect(differences).toEqual(differencesOf(naive.stateAt(from.position), naive.stateAt(to.position)));
    }
    const head = await history.heads.findOne({ _id: dataset });
    expect(head?.total ?? 0).toBe(rows.length === 0 ? 0 : naive.stateAt(rows.at(-1)?.position ?? '').size);
  }
}

/** The last of the nine runs are of a later version of the job, with another definition. */
const versionOf = (run: string): number => (Number(run.slice(4)) > 6 ? 2 : 1);

type State = ReturnType<NaiveHistory['stateAt']>;
function differencesOf(from: State, to: State): Difference[] {
  const keys = [...new Set([...from.keys(), ...to.keys()])].toSorted((a, b) => (a < b ? -1 : 1));
  return keys.flatMap((key): Difference[] => {
    const [before, after] = [from.get(key), to.get(key)];
    if (before && after) return before.hash === after.hash ? [] : [{ key, kind: 'changed', before: before.data, after: after.data }];
    return before ? [{ key, kind: 'removed', before: before.data }] : [{ key, kind: 'added', after: after?.data }];
  });
}

function changesBetween(base: State, content: Delivered['content']): (BatchItem | GoneItem)[] {
  const gone = [...base.keys()].filter((key) => !content.has(key)).map((k) => ({ k, gone: true }) as const);
  return [...gone, ...[...content].filter(([key, { hash }]) => base.get(key)?.hash !== hash).map(([k, { hash, data }]) => ({ k, h: hash, d: data as Record<string, unknown> }))];
}

/** Steps that may come at the same time as the one before: of another run, and with content of their own. */
const mayJoin = (group: readonly Delivered[], step: Step): step is Extract<Step, { do: 'deliver' }> =>
  step.do === 'deliver' && step.delivered.sameAs === undefined && group.every(({ run, sameAs }) => run !== step.delivered.run && versionOf(run) === versionOf(step.delivered.run) && sameAs === undefined);

async function play(test: StorageTest, all: readonly Step[], how: readonly Manner[], name: string, kind: 'whole' | 'partial'): Promise<void> {
  const job = await test.job({ partial: kind === 'partial' }, name);
  await test.job({ partial: kind === 'partial', title: 'the second version' }, name);
  const one = new Case(test, job);
  for (let index = 0; index < all.length;) {
    const step = all[index] as Step;
    if (step.do === 'sweep') {
      await one.sweep(step.share);
      index += 1;
      continue;
    }
    const group: Delivered[] = [];
    for (let next: Step | undefined = step; next?.do === 'deliver' && (group.length === 0 || (how[index]?.together && mayJoin(group, next))); next = all[index]) {
      group.push(next.delivered);
      index += 1;
    }
    for (const delivered of group) await one.runOf(delivered.run);
    await Promise.all(group.map((delivered, at) => one.deliver(delivered, how[(index + at) % how.length] as Manner, at % 2)));
    for (const delivered of group) one.naive.apply(await one.naively(delivered));
  }
  await one.compare();
}

describe('on a real database the history', () => {
  it.each(layouts.flatMap((layout, index) => [{ index, layout, writeBefore: 0 }, { index, layout, writeBefore: 1_000 }]))(
    'equals a store that keeps every snapshot whole: late, twice, at once, crashing, swept, redefined (layout $index, state before its transaction: $writeBefore)', ({ layout, writeBefore }) => withStorage(async (test) => {
      let cases = 0;
      for (const kind of ['whole', 'partial'] as const)
        await fc.assert(fc.asyncProperty(steps({ kinds: [kind], sweeps: 3 }), manners, (all, how) => play(test, all, how, `case-${cases++}`, kind)), { numRuns: 12 });
    }, { layout, limits: { writeBefore: writeBefore as never } }), 400_000);
});
