import type { Version } from '@gleaner/database';
import type { Delivered } from './memoryHistory.ts';

type Value = { readonly hash: string; readonly data: unknown };
interface Kept { readonly version: number; readonly definition: number; readonly run: string; readonly position: string; readonly kind: 'whole' | 'partial'; readonly content: ReadonlyMap<string, Value> }

export type Outcome = 'applied' | 'duplicate' | 'too_old' | 'stale_validators' | 'stale_definition' | 'stale' | 'quarantined';

/** Keeps every snapshot whole and works everything out anew: slow, and plain enough to be believed. */
export class NaiveHistory {
  readonly kept: Kept[] = [];
  /** What became of runs that take no other result, by run. */
  readonly ended = new Map<string, Outcome | 'rejected'>();
  readonly #waiting = new Map<string, Kept>();
  readonly #runsEnd: boolean;
  readonly #maxRemoved: number;
  horizon = '';
  /** The newest version of the job that a newest snapshot came of. */
  #version = 0;

  /** With `runsEnd` a run that has had its outcome takes no other, as on the ledger; without it only a readable row tells. `maxRemoved` is a gate. */
  constructor({ runsEnd = false, maxRemoved = Number.POSITIVE_INFINITY }: { runsEnd?: boolean; maxRemoved?: number } = {}) {
    this.#runsEnd = runsEnd;
    this.#maxRemoved = maxRemoved;
  }

  apply(delivered: Delivered): Outcome {
    const { run } = delivered;
    if (this.#runsEnd ? this.ended.has(run) : this.readable().some((one) => one.run === run)) return 'duplicate';
    const outcome = this.#place(delivered);
    if (outcome !== 'stale' && outcome !== 'stale_validators') this.ended.set(run, outcome);
    return outcome;
  }

  /** A person's answer; false where the run waits for none. */
  decide(run: string, accept: boolean): boolean {
    const waiting = this.#waiting.get(run);
    if (waiting === undefined) return false;
    this.#waiting.delete(run);
    this.ended.set(run, accept ? this.#land(waiting, { accepted: true }) : 'rejected');
    return true;
  }

  #place({ run, position, kind, content, sameAs, version = 1, askedVersion = version }: Delivered): Outcome {
    if (position < this.horizon) return 'too_old';
    const base = sameAs === undefined ? undefined : this.readable().find((one) => one.run === sameAs);
    if (sameAs !== undefined && !base) return 'stale_validators';
    if (base === undefined) return this.#land({ version, definition: version, run, position, kind, content }, { askedVersion });
    const state = this.stateAt(base.position);
    const seen = base.kind === 'whole' ? state : new Map([...state].filter(([key]) => base.content.has(key)));
    const row = { version, definition: base.definition, run, position, kind: base.kind, content: seen };
    return this.#land(row, { askedVersion, accepted: this.#before(position)?.run === base.run });
  }

  #before(position: string): Kept | undefined { return this.readable().findLast((one) => one.position < position); }

  /** `accepted`: no gate. */
  #land(row: Kept, { askedVersion = row.version, accepted = false }: { askedVersion?: number; accepted?: boolean }): Outcome {
    if (row.position < this.horizon) return 'too_old';
    const last = this.kept.at(-1);
    if (last && row.definition !== last.definition && row.version < this.#version) return row.version < askedVersion ? 'stale' : 'stale_definition';
    const newest = last === undefined || row.position > last.position;
    const before = newest ? last : this.#before(row.position);
    const state = before ? this.stateAt(before.position) : new Map<string, Value>();
    const removed = row.kind === 'whole' ? [...state.keys()].filter((key) => !row.content.has(key)).length : 0;
    if (!accepted && removed > this.#maxRemoved && (before === undefined || before.definition === row.definition)) {
      this.#waiting.set(row.run, row);
      return 'quarantined';
    }
    this.kept.push(row);
    this.kept.sort((a, b) => (a.position < b.position ? -1 : 1));
    if (newest) this.#version = Math.max(this.#version, row.version);
    return 'applied';
  }

  readable(): Kept[] { return this.kept.filter((one) => one.position >= this.horizon); }

  stateAt(position: string): Map<string, Value> {
    let state = new Map<string, Value>();
    for (const { kind, content, position: at } of this.kept) {
      if (at > position) break;
      state = kind === 'whole' ? new Map(content) : new Map([...state, ...content]);
    }
    return state;
  }

  history(key: string): Version[] {
    const versions: Version[] = [];
    for (const { position } of this.kept) {
      const value = this.stateAt(position).get(key);
      const last = versions.at(-1);
      if ((last?.hash ?? null) === (value?.hash ?? null)) continue;
      if (last) versions[versions.length - 1] = { ...last, to: position };
      versions.push(value ? { from: position, hash: value.hash, data: value.data } : { from: position, hash: null });
    }
    const readable = versions.filter(({ to }) => to === undefined || to > this.horizon);
    return readable[0]?.hash === null ? readable.slice(1) : readable;
  }

  since(key: string, position: string): string | undefined {
    return this.history(key).findLast(({ from, to, hash }) => hash !== null && from <= position && (to === undefined || to > position))?.from;
  }

  counts(index: number): { added: number; changed: number; removed: number; total: number } {
    const state = this.stateAt(this.kept[index]?.position ?? '');
    const before = index === 0 ? new Map<string, Value>() : this.stateAt(this.kept[index - 1]?.position ?? '');
    let added = 0;
    let changed = 0;
    for (const [key, { hash }] of state) {
      const old = before.get(key);
      if (!old) added += 1;
      else if (old.hash !== hash) changed += 1;
    }
    return { added, changed, removed: [...before.keys()].filter((key) => !state.has(key)).length, total: state.size };
  }
}
