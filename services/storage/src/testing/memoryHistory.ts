import { absent, mergeVersions, type Known, type Version } from '@gleaner/database';
import { knownBytes, type ApplyPlan, type CountsDelta, type EpochRef, type HistoryView, type Observation, type Row } from '../core/applyPlan.ts';
import { planLate } from '../core/planLate.ts';
import { planNewest, type LayoutLimits } from '../core/planNewest.ts';
import { repeatOf } from '../core/repeatOf.ts';

type Stored = Row & { readonly run: string; readonly counts: CountsDelta };
interface Epoch extends EpochRef {
  readonly keyframe: Map<string, Known>;
  /** key → from → what it became; at the epoch's own position a patch. */
  readonly entries: Map<string, Map<string, Known>>;
}

export interface Delivered {
  readonly run: string;
  readonly position: string;
  readonly kind: 'whole' | 'partial';
  readonly content: Observation['content'];
  /** Version of the job that the attempt worked with; another version has another definition. */
  readonly version?: number;
  /** Version that the run is asked for with, where it is a newer one. */
  readonly askedVersion?: number;
  /** Observed again instead of content. */
  readonly sameAs?: string;
}

/** The layout of the history in plain maps: the same rules as on MongoDB, for thousands of cases. Test support. */
export class MemoryHistory implements HistoryView {
  readonly rows: Stored[] = [];
  readonly keysets = new Map<string, ReadonlySet<string>>();
  epochs: Epoch[] = [];
  items = new Map<string, Known>();
  horizon = '';
  total = 0;
  readonly #limits: LayoutLimits;

  constructor(limits: LayoutLimits) {
    this.#limits = limits;
  }

  async rowBefore(position: string): Promise<Row | undefined> { return this.rows.findLast((row) => row.position < position); }
  async rowsAfter(position: string): Promise<readonly Row[]> { return this.rows.filter((row) => row.position > position); }
  async keysOf(row: Row): Promise<ReadonlySet<string>> { return this.keysets.get(row.keys ?? '') ?? new Set(); }
  async epochAt(position: string): Promise<Epoch> {
    const epoch = this.epochs.findLast((one) => one.position <= position);
    if (!epoch) throw new Error(`no epoch at ${position}`);
    return epoch;
  }
  async epochsAfter(position: string): Promise<readonly EpochRef[]> { return this.epochs.filter((epoch) => epoch.position > position); }
  async stateAt(position: string, keys?: readonly string[]): Promise<ReadonlyMap<string, Known>> {
    const epoch = await this.epochAt(position);
    const all = keys ?? [...new Set([...epoch.keyframe.keys(), ...epoch.entries.keys()])];
    return new Map(all.map((key) => [key, knownAt(epoch, key, position)] as const).filter(([, known]) => known.hash !== null));
  }
  async entriesAt(id: string, position: string): Promise<ReadonlyMap<string, Known>> {
    const epoch = this.epochs.find((one) => one.id === id);
    return new Map([...(epoch?.entries ?? [])].flatMap(([key, byFrom]) => (byFrom.has(position) ? [[key, byFrom.get(position) ?? absent] as const] : [])));
  }

  /** Applies one delivery; says what became of it. */
  async apply({ run, position, kind, content, sameAs }: Delivered): Promise<'applied' | 'duplicate' | 'too_old' | 'stale_validators'> {
    if (this.rows.some((row) => row.run === run)) return 'duplicate';
    if (position < this.horizon) return 'too_old';
    let observation: Observation = { position, kind, content };
    let keys = kind === 'partial' ? keysetOf(content.keys()) : undefined;
    if (sameAs !== undefined) {
      const base = this.rows.find((row) => row.run === sameAs);
      if (!base || base.position < this.horizon) return 'stale_validators';
      const rowBefore = await this.rowBefore(position);
      const repeated = await repeatOf({ base, rowBefore, view: this });
      keys = base.keys;
      if (repeated === undefined) {
        this.#insert({ run, position, kind: base.kind, ...(keys === undefined ? {} : { keys }), total: base.total, counts: { added: 0, changed: 0, removed: 0, total: base.total } });
        return 'applied';
      }
      observation = { position, kind: base.kind, content: repeated };
    }
    if (keys !== undefined) this.keysets.set(keys, new Set(JSON.parse(keys) as string[]));
    const newest = position > (this.rows.at(-1)?.position ?? '');
    const last = this.epochs.at(-1);
    const plan = newest
      ? await planNewest({
        observation, limits: this.#limits, others: async () => this.items, before: this.items as ReadonlyMap<string, { hash: string; since: string }>,
        ...(last ? { epoch: { id: last.id, ...logOf(last), stateBytes: knownBytes(last.keyframe.values()) } } : {}),
      })
      : await planLate({ observation, view: this });
    this.#write({ run, plan, observation, keys });
    return 'applied';
  }

  #insert(row: Stored): void {
    this.rows.push(row);
    this.rows.sort((a, b) => (a.position < b.position ? -1 : 1));
  }

  #write({ run, plan, observation: { position, kind }, keys }: { run: string; plan: ApplyPlan; observation: Observation; keys: string | undefined }): void {
    if (plan.epoch) {
      this.epochs.push({ id: position, position, keyframe: new Map(plan.epoch.items.map((item) => [item.key, item])), entries: new Map() });
      this.epochs.sort((a, b) => (a.position < b.position ? -1 : 1));
    }
    for (const { epoch, key, from, known, patch } of plan.entries) {
      const home = this.epochs.find((one) => one.id === epoch);
      if (!home) throw new Error(`no epoch ${epoch}`);
      if (patch !== (home.position === from)) throw new Error('a patch is what stands at an epoch\'s own position');
      const byFrom = home.entries.get(key) ?? new Map<string, Known>();
      byFrom.set(from, patch || known.hash === null ? known : { ...known, since: from });
      home.entries.set(key, byFrom);
    }
    for (const { epoch, key, from } of plan.drops) this.epochs.find((one) => one.id === epoch)?.entries.get(key)?.delete(from);
    if (plan.generation) this.items = new Map(plan.epoch?.items.map((item) => [item.key, item]));
    for (const [key, known] of plan.items) {
      if (known.hash === null) this.items.delete(key);
      else this.items.set(key, known);
    }
    for (const { key, from, to } of plan.itemSince) {
      const item = this.items.get(key);
      if (item?.since === from) this.items.set(key, { ...item, since: to });
    }
    for (const [at, delta] of plan.rows) {
      const index = this.rows.findIndex((row) => row.position === at);
      const row = this.rows[index];
      if (!row) throw new Error(`no row ${at}`);
      const counts = { added: row.counts.added + delta.added, changed: row.counts.changed + delta.changed, removed: row.counts.removed + delta.removed, total: row.counts.total + delta.total };
      this.rows[index] = { ...row, counts, total: counts.total };
    }
    this.#insert({ run, position, kind, ...(keys === undefined ? {} : { keys }), total: plan.counts.total, counts: plan.counts, ...(plan.epoch ? { epoch: position } : {}) });
  }

  history(key: string): Version[] {
    return mergeVersions(this.epochs.map((epoch) => {
      const begins = epoch.position > this.horizon ? epoch.position : this.horizon;
      const entries = [...(epoch.entries.get(key) ?? [])].filter(([from]) => from > begins).sort(([a], [b]) => (a < b ? -1 : 1)).map(([from, known]) => ({ ...known, from }));
      return { begins, first: knownAt(epoch, key, begins), entries };
    }));
  }

  /** Rules 18 and 19: the horizon moves, then what lies before it goes; `order` turns the slices round. */
  sweep(horizon: string): void {
    this.horizon = horizon;
    const gone = this.rows.filter((row) => row.position < horizon).length;
    this.rows.splice(0, gone);
    this.epochs = this.epochs.filter((_, index) => (this.epochs[index + 1]?.position ?? '~') > horizon);
    const [oldest] = this.epochs;
    for (const byFrom of oldest?.entries.values() ?? []) {
      const before = [...byFrom.keys()].filter((from) => from <= horizon).sort();
      for (const from of before.slice(0, -1)) byFrom.delete(from);
    }
  }
}

/** How much the epoch's log holds. */
function logOf({ entries }: Epoch): { entries: number; bytes: number } {
  const all = [...entries.values()].flatMap((byFrom) => [...byFrom.values()]);
  return { entries: all.length, bytes: knownBytes(all) };
}

function knownAt(epoch: Epoch, key: string, position: string): Known {
  let last = '';
  for (const from of epoch.entries.get(key)?.keys() ?? []) if (from <= position && from > last) last = from;
  return (last === '' ? epoch.keyframe.get(key) : epoch.entries.get(key)?.get(last)) ?? absent;
}

const keysetOf = (keys: Iterable<string>): string => JSON.stringify([...keys].sort());
