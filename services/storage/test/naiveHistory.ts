import type { Version } from '@gleaner/database';
import type { Delivered } from './memoryHistory.ts';

type Value = { readonly hash: string; readonly data: unknown };
interface Kept { readonly version: number; readonly definition: number; readonly run: string; readonly position: string; readonly kind: 'whole' | 'partial'; readonly content: ReadonlyMap<string, Value> }

/** Keeps every snapshot whole and works everything out anew: slow, and plain enough to be believed. */
export class NaiveHistory {
  readonly kept: Kept[] = [];
  readonly #ended = new Set<string>();
  readonly #runsEnd: boolean;

  /** With `runsEnd` a run that has had its outcome takes no other, as on the ledger; without it only a readable row tells. */
  constructor({ runsEnd = false }: { runsEnd?: boolean } = {}) {
    this.#runsEnd = runsEnd;
  }

  horizon = '';

  apply({ run, position, kind, content, sameAs, version = 1 }: Delivered): 'applied' | 'duplicate' | 'too_old' | 'stale_validators' | 'stale_definition' {
    if (this.#runsEnd ? this.#ended.has(run) : this.readable().some((one) => one.run === run)) return 'duplicate';
    if (position < this.horizon) {
      this.#ended.add(run);
      return 'too_old';
    }
    const base = sameAs === undefined ? undefined : this.readable().find((one) => one.run === sameAs);
    if (sameAs !== undefined && !base) return 'stale_validators';
    const definition = base?.definition ?? version;
    const newest = this.kept.at(-1);
    if (newest && definition !== newest.definition && version < newest.version) {
      this.#ended.add(run);
      return 'stale_definition';
    }
    if (base === undefined) this.kept.push({ version, definition, run, position, kind, content });
    else {
      const state = this.stateAt(base.position);
      this.kept.push({ version, definition, run, position, kind: base.kind, content: base.kind === 'whole' ? state : new Map([...state].filter(([key]) => base.content.has(key))) });
    }
    this.kept.sort((a, b) => (a.position < b.position ? -1 : 1));
    this.#ended.add(run);
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
