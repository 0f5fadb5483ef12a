import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { positionOf, type BatchItem, type GoneItem } from '@gleaner/contracts';
import { BSON, createKeyframeCache, diffMoments, readHistory, readItems, readSnapshots, type Difference, type JobDocument, type RunDocument } from '@gleaner/database';
import { readItemsPage } from '../../services/gateway/src/readItemsPage.ts';
import type { LayoutLimits } from '../../services/storage/src/core/planNewest.ts';
import { executeDecisions } from '../../services/storage/src/executeDecisions.ts';
import { transactionLimits, type StorageParts } from '../../services/storage/src/storageParts.ts';
import { moveHorizon } from '../../services/storage/src/sweep/moveHorizon.ts';
import { sweepGenerations } from '../../services/storage/src/sweep/sweepGenerations.ts';
import { sweepHistory } from '../../services/storage/src/sweep/sweepHistory.ts';
import { allKeys, steps, type Step } from '../../services/storage/src/testing/deliveries.ts';
import type { Delivered } from '../../services/storage/src/testing/memoryHistory.ts';
import { NaiveHistory } from '../../services/storage/src/testing/naiveHistory.ts';
import { messages, type Message, type StorageTest } from '../../services/storage/src/testing/withStorage.ts';

const small = { mostChanges: 99, mostBytes: 1e9, logBytes: 1e9 };
const layouts: readonly LayoutLimits[] = [
  { ...small, epochShare: 2, epochMinimum: 99, logShare: 1, logMinimum: 999, generationShare: 2, generationMinimum: 99 },
  { ...small, epochShare: 0.5, epochMinimum: 2, logShare: 1, logMinimum: 3, generationShare: 0.5, generationMinimum: 2 },
  { ...small, epochShare: 2, epochMinimum: 99, logShare: 1, logMinimum: 999, generationShare: 2, generationMinimum: 99, logBytes: 700 },
];
const crashPoints = ['before the state is written', 'before the transaction', 'in the transaction', 'before the commit', 'after the commit', 'before a batch is kept', 'after a batch is kept', 'after the complete report is kept', 'before the quarantine', 'before all hashes are read'];

/** How a step is delivered: where storage crashes on the way, in how many batches it comes, whether the next step comes at the same time. */
interface Manner {
  readonly crash: number;
  readonly batches: number;
  readonly together: boolean;
  /** Of the version before the one that its run is asked for with. */
  readonly older: boolean;
  /** Sent as what differs from that snapshot of those that are readable, counted from the newest; beyond them all of it is sent. */
  readonly changesOf: number;
}
const manners = fc.array(fc.record({ crash: fc.integer({ min: -6, max: crashPoints.length - 1 }), batches: fc.integer({ min: 0, max: 3 }), together: fc.boolean(), older: fc.boolean(), changesOf: fc.integer({ min: 0, max: 5 }) }), { minLength: 9, maxLength: 9 });

/** One for all cases: whatever one of them leaves here must be right for every other. Small, so that blocks are dropped as well. */
const blocks = createKeyframeCache({ maxBlockChars: 2_000, maxStarts: 20 });
const twoHours = 7_200_000;

class Case {
  readonly naive: NaiveHistory;
  readonly test: StorageTest;
  readonly job: JobDocument;
  readonly limits: StorageParts['limits'];
  readonly runs = new Map<string, RunDocument>();
  readonly storages: readonly StorageParts[];
  readonly begin: number;
  #attempts = 0;
  constructor(test: StorageTest, job: JobDocument, { limits, maxRemoved }: { readonly limits: StorageParts['limits']; readonly maxRemoved: number | undefined }) {
    this.naive = new NaiveHistory({ runsEnd: true, ...(maxRemoved === undefined ? {} : { maxRemoved }) });
    this.test = test;
    this.job = job;
    this.limits = limits;
    this.storages = [test.another({ limits }), test.another({ limits }, 9)];
    this.begin = Math.floor(Date.now() / 1_000) * 1_000 - 600_000;
  }

  async deliver(step: Delivered, { crash, batches, changesOf }: Manner, storage: number): Promise<void> {
    const run = { ...(await this.runOf(step.run)), jobVersion: step.version ?? 1 };
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
    const point = crashPoints[crash];
    const parts = this.storages[storage] as StorageParts;
    // The crash; the messages come again, to a storage that knows nothing of it.
    if (point !== undefined) await this.#handleAll(sent, this.#crashingAt(point, storage), storage).catch(() => undefined);
    await this.#handleAll(sent, parts, storage);
  }

  /** A storage that holds messages gets all at once, any other one after another, the last first. */
  async #handleAll(sent: readonly Message[], parts: StorageParts, storage: number): Promise<void> {
    if (storage === 1) {
      const handled = await Promise.allSettled(sent.map((message) => this.test.handle(message, parts)));
      for (const one of handled) if (one.status === 'rejected') throw one.reason;
    } else for (const message of sent.toReversed()) await this.test.handle(message, parts);
  }

  /** A storage of its own: what it holds in memory goes with it. */
  #crashingAt(point: string, storage: number): StorageParts {
    return this.test.another({ limits: this.limits, onStep: (at) => { if (at === point) throw new Error('crash'); } }, storage === 1 ? 9 : 0);
  }

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
    return { ...step, askedVersion: run.jobVersion, run: run._id, position: positionOf(this.momentOf(step), run._id), ...(step.sameAs === undefined ? {} : { sameAs: (await this.runOf(step.sameAs))._id }) };
  }

  /** Two storages carry it out at once, one of them crashing. */
  async decide(name: string, accept: boolean, crash: number): Promise<void> {
    const { runs } = this.test.database.collections;
    const { _id } = await this.runOf(name);
    const waits = this.naive.decide(_id, accept);
    const { modifiedCount } = await runs.updateOne({ _id, state: 'quarantined', decision: { $exists: false } }, { $set: { decision: { accept, by: 'a person', at: new Date() } } });
    strictEqual(modifiedCount, waits ? 1 : 0);
    if (!waits) return;
    const crashing = this.#crashingAt(crashPoints[crash] ?? 'before the commit', 0);
    await Promise.all([this.storages[0] as StorageParts, crashing].map((parts) => executeDecisions({ parts }).catch(() => undefined)));
    await executeDecisions({ parts: this.storages[1] as StorageParts });
  }

  /** Moves the horizon, and returns the sweep that follows: what comes next is applied while it goes on. For it every state that was written before its transaction is an orphan. */
  async sweep(share: number): Promise<() => Promise<unknown>> {
    const readable = this.naive.readable();
    const kept = readable.length - Math.floor(share * readable.length);
    const { parts, history, database } = this.test;
    const head = await history.heads.findOne({ _id: this.job.dataset });
    if (head === null || readable.length === 0) return async () => undefined;
    if (await moveHorizon({ parts, head, retention: { snapshots: kept }, now: new Date() })) this.naive.horizon = readable[readable.length - kept]?.position ?? '';
    const moved = await history.heads.findOne({ _id: this.job.dataset });
    strictEqual(moved?.horizon ?? '', this.naive.horizon);
    const later = { ...parts, database: { ...database, clock: { ...database.clock, now: () => new Date(Date.now() + twoHours) } } };
    return async () => moved && (await Promise.all([sweepHistory({ parts: later, head: moved }), sweepHistory({ parts: later, head: moved }), sweepGenerations({ parts: later })]));
  }

  /** What one read tells of all: the latest page, and what became of each run. */
  async glance(): Promise<void> {
    const last = this.naive.readable().at(-1);
    deepStrictEqual(await this.#page({}), last ? this.#expectedAt(last.position) : []);
    for (const { _id, state, reason } of await this.test.database.collections.runs.find({ job: this.job._id }).toArray()) {
      const outcome = this.naive.ended.get(_id);
      if (outcome === undefined) continue;
      const expected = { applied: /^(succeeded|unchanged)$/, duplicate: /^$/, too_old: /^succeeded too_old$/, stale_definition: /^succeeded stale_definition$/, quarantined: /^quarantined$/, rejected: /^failed rejected$/, stale: /^$/, stale_validators: /^$/ }[outcome];
      const seen = `${state}${reason === undefined ? '' : ` ${reason}`}`;
      if (!expected.test(seen)) throw new Error(`expected ${_id} to be ${outcome}; saw ${seen}`);
    }
  }

  #expectedAt(position: string): { key: string; since: string | undefined; data: unknown }[] {
    return [...this.naive.stateAt(position)].map(([key, { data }]) => ({ key, since: this.naive.since(key, position), data })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** As users read: through the gateway's page reader. */
  async #page({ limit = 100, ...request }: Partial<Parameters<typeof readItemsPage>[0]>): Promise<{ key: string; since: string; data: unknown }[]> {
    const { rows } = await readItemsPage({ database: this.test.database, dataset: this.job.dataset, keyframes: blocks, limit, ...request });
    return rows.map((row) => {
      const { key, since, data } = 'key' in row ? row : (BSON.deserialize(row.bson.subarray(row.at, row.at + row.bson.readInt32LE(row.at))) as { key: string; since: string; data: unknown });
      return { key, since, data };
    });
  }

  async compare(): Promise<void> {
    await this.glance();
    await Promise.all([this.#compareRows(), this.#compareMoments(), this.#compareHistories(), this.#compareDifferences()]);
  }

  async #compareRows(): Promise<void> {
    const { test: { database, history }, job: { dataset }, naive } = this;
    const rows = naive.readable();
    const offset = naive.kept.length - rows.length;
    const { snapshots } = await readSnapshots({ database, dataset, limit: 100 });
    deepStrictEqual(snapshots.map(({ position, counts: { added, changed, removed, total, kept, unchanged } }) => [position, added, changed, removed, total, unchanged === kept - added - changed]).toReversed(),
      rows.map(({ position }, index) => { const { added, changed, removed, total } = naive.counts(offset + index); return [position, added, changed, removed, total, true]; }));
    const head = await history.heads.findOne({ _id: dataset });
    strictEqual(head?.total ?? 0, rows.length === 0 ? 0 : naive.stateAt(rows.at(-1)?.position ?? '').size);
    strictEqual(head?.snapshots ?? 0, rows.length);
    for (const [index, { run, position }] of rows.entries()) {
      const expected = this.#expectedAt(position);
      const whole = await readItems({ database, dataset, limit: 100, run });
      deepStrictEqual([whole.items, whole.total], [expected, expected.length]);
      if (index % 3 !== 0) continue;
      for (const after of ['a', 'bb', 'd']) deepStrictEqual(await this.#page({ limit: 2, after, run }), expected.filter(({ key }) => key > after).slice(0, 2));
      deepStrictEqual(await this.#page({ run, keys: ['d', 'b'] }), expected.filter(({ key }) => key === 'b' || key === 'd'));
    }
  }

  /** At every moment at which something was seen, between them, and before the first. */
  async #compareMoments(): Promise<void> {
    const rows = this.naive.readable();
    for (let half = -1; half <= 14; half += 1) {
      const at = new Date(this.begin + half * 500);
      const row = rows.findLast(({ position }) => position <= `${at.toISOString()}|~`);
      if (row !== undefined) {
        const expected = this.#expectedAt(row.position);
        deepStrictEqual(await this.#page({ at }), expected);
        for (const after of half % 5 === 0 ? [undefined, 'b'] : []) deepStrictEqual(await this.#page({ at, limit: 1, after }), expected.filter(({ key }) => after === undefined || key > after).slice(0, 1));
      } else if (rows.length > 0) {
        const seen = await this.#page({ at }).then(() => 'a page', (error: { code?: string }) => error.code);
        strictEqual(seen, this.naive.kept.some(({ position }) => position <= `${at.toISOString()}|~`) ? 'swept' : 'before_first');
      } else deepStrictEqual(await this.#page({ at }), []);
    }
  }

  async #compareHistories(): Promise<void> {
    const { test: { database }, job: { dataset }, naive } = this;
    for (const key of allKeys) {
      const expected = naive.history(key).toReversed().map(({ from, to, hash, data }) => ({ from, to, hash, data: hash === null ? undefined : data }));
      const plain = (versions: readonly { from: string; to?: string; hash: string | null; data?: unknown }[]) => versions.map(({ from, to, hash, data }) => ({ from, to, hash, data }));
      deepStrictEqual(plain((await readHistory({ database, dataset, key, limit: 100 })).versions), expected);
      for (const maxBytes of [undefined, 100]) {
        const paged = [];
        for (let after: string | undefined, more = true; more;) {
          const page = await readHistory({ database, dataset, key, limit: 2, after, ...(maxBytes === undefined ? {} : { maxBytes }) });
          paged.push(...page.versions);
          after = page.next;
          more = after !== undefined;
        }
        deepStrictEqual(plain(paged), expected);
      }
    }
  }

  async #compareDifferences(): Promise<void> {
    const { test: { database }, job: { dataset }, naive } = this;
    const rows = naive.readable();
    const pairs = rows.flatMap((from, index) => rows.filter((_, other) => (index + other) % 2 === 1 || index === 0).map((to) => [from, to] as const));
    for (const [from, to] of pairs) {
      const { differences } = await diffMoments({ database, dataset, from: { run: from.run }, to: { run: to.run }, limit: 100 });
      deepStrictEqual(differences, differencesOf(naive.stateAt(from.position), naive.stateAt(to.position)));
    }
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

export interface HistoryCase {
  readonly all: readonly Step[];
  readonly how: readonly Manner[];
  readonly kind: 'whole' | 'partial';
  /** Snapshots that remove more than one item wait for a person. What is judged depends on what came before: nothing comes at the same time then. */
  readonly gated: boolean;
  readonly layout: number;
  /** Large states are written before their transaction. */
  readonly ahead: boolean;
}

/** Snapshots of one job in any order, with crashes, sweeps, decisions, other definitions. */
export const historyCases: fc.Arbitrary<HistoryCase> = fc.record({ kind: fc.constantFrom('whole' as const, 'whole' as const, 'partial' as const), gated: fc.boolean() }).chain(({ kind, gated }) => fc.record({
  all: steps({ kinds: [kind], sweeps: 3, ...(gated ? { decisions: 4 } : {}) }), how: manners, kind: fc.constant(kind), gated: fc.constant(gated), layout: fc.integer({ min: 0, max: layouts.length - 1 }), ahead: fc.boolean(),
}));

/** Plays a case on a database, beside a store that keeps every snapshot whole; throws where anything that can be read differs. */
export async function playHistory(test: StorageTest, { all, how, kind, gated, layout, ahead }: HistoryCase, name: string): Promise<void> {
  const definition = { partial: kind === 'partial', ...(gated ? { gate: { maxRemoved: 1 } } : {}) };
  const job = await test.job(definition, name);
  await test.job({ ...definition, title: 'the second version' }, name);
  const limits = { ...transactionLimits, layout: layouts[layout] as LayoutLimits, ...(ahead ? { writeBefore: 0 } : {}) };
  const one = new Case(test, job, { limits, maxRemoved: gated ? 1 : undefined });
  let sweep: () => Promise<unknown> = async () => undefined;
  for (let index = 0; index < all.length;) {
    const step = all[index] as Step;
    const manner = how[index % how.length] as Manner;
    if (step.do === 'sweep') {
      await sweep();
      sweep = await one.sweep(step.share);
      index += 1;
      continue;
    }
    if (step.do === 'decide') {
      await Promise.all([sweep(), one.decide(step.run, step.accept, manner.crash)]);
      sweep = async () => undefined;
      index += 1;
      continue;
    }
    const group: Delivered[] = [];
    for (let next: Step | undefined = step; next?.do === 'deliver' && (group.length === 0 || (!gated && how[index % how.length]?.together && mayJoin(group, next))); next = all[index]) {
      group.push({ ...next.delivered, version: versionOf(next.delivered.run) });
      index += 1;
    }
    if (group.length === 1 && manner.older) group[0] = { ...(group[0] as Delivered), version: 1 };
    for (const delivered of group) await one.runOf(delivered.run);
    await Promise.all([sweep(), ...group.map((delivered, at) => one.deliver(delivered, how[(index + at) % how.length] as Manner, (index + at) % 2))]);
    sweep = async () => undefined;
    for (const delivered of group) one.naive.apply(await one.naively(delivered));
    if (index < all.length) await one.glance();
  }
  await sweep();
  await one.compare();
}

/** Plays so many cases, a few jobs at a time on one database. A case that fails is made small and told with its seed. */
export async function playManyHistories(test: StorageTest, { cases, lanes, seed }: { readonly cases: number; readonly lanes: number; readonly seed: number }): Promise<void> {
  let played = 0;
  await Promise.all(Array.from({ length: lanes }, (_, lane) =>
    fc.assert(fc.asyncProperty(historyCases, (one) => playHistory(test, one, `case-${played++}`)), { numRuns: Math.ceil(cases / lanes), seed: seed + lane, endOnFailure: false })));
}
