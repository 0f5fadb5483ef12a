import { absent, type Known } from '@gleaner/database';
import type { ApplyPlan, CountsDelta, HistoryView, Observation, PlannedEntry, Row } from './applyPlan.ts';

/** What a key was under the history so far (`old`) and is with the late snapshot in it (`now`), at the row being looked at. */
interface Walking {
  readonly old: Known;
  readonly now: Known;
}

/**
 * The plan for a snapshot that lands before others. It changes values at its own position and, until the next row that observes a key,
 * after it: the walk goes forward and puts, restores or removes what stands there, so that every later state is what it would have been.
 */
export async function planLate({ observation, view }: { readonly observation: Observation; readonly view: HistoryView }): Promise<ApplyPlan> {
  const { position, kind, content } = observation;
  const rowBefore = await view.rowBefore(position);
  const before = rowBefore === undefined ? new Map<string, Known>() : await view.stateAt(rowBefore.position, kind === 'partial' ? [...content.keys()] : undefined);
  const walking = new Map<string, Walking>();
  for (const [key, { hash, data }] of content) {
    const old = before.get(key) ?? absent;
    if (old.hash !== hash) walking.set(key, { old, now: { hash, data, since: position } });
  }
  if (kind === 'whole') for (const [key, old] of before) if (!content.has(key)) walking.set(key, { old, now: absent });

  const own = new Tally();
  for (const { old, now } of walking.values()) own.step(old, now, 1);
  const counts = { ...own.delta(), total: (rowBefore?.total ?? 0) + own.delta().added - own.delta().removed };
  const entries: PlannedEntry[] = [];
  const drops: { epoch: string; key: string; from: string }[] = [];
  const rows = new Map<string, CountsDelta>();
  let epoch = rowBefore === undefined ? '' : (await view.epochAt(position)).id;
  if (rowBefore !== undefined) for (const [key, { now }] of walking) entries.push({ epoch, key, from: position, known: now, patch: false });

  const moved: { key: string; from: string; to: string; after: string }[] = [];
  for (const row of await view.rowsAfter(position)) {
    if (walking.size === 0) break;
    if (row.epoch !== undefined) epoch = row.epoch;
    const tally = new Tally();
    const { olds, observes } = await lookAt(row, { view, epoch, keys: walking });
    for (const [key, { old, now }] of walking) {
      const stands = olds.get(key);
      const oldHere = row.epoch === undefined ? (stands ?? old) : (stands ?? absent);
      const value = observes(key) ? oldHere : now;
      const nowHere = value.hash === now.hash ? now : value.hash === null ? absent : { hash: value.hash, data: value.data, since: row.position };
      if (row.epoch !== undefined) {
        if (nowHere.hash !== oldHere.hash || nowHere.since !== oldHere.since) entries.push({ epoch, key, from: row.position, known: nowHere, patch: true });
      } else if (nowHere.hash !== now.hash) {
        if (stands?.hash !== nowHere.hash) entries.push({ epoch, key, from: row.position, known: nowHere, patch: false });
      } else if (stands !== undefined) {
        drops.push({ epoch, key, from: row.position });
      }
      tally.step(old, oldHere, -1);
      tally.step(now, nowHere, 1);
      tally.present(oldHere, nowHere);
      if (oldHere.hash !== nowHere.hash) {
        walking.set(key, { old: oldHere, now: nowHere });
        continue;
      }
      walking.delete(key);
      if (oldHere.since !== nowHere.since) moved.push({ key, from: oldHere.since, to: nowHere.since, after: row.position });
    }
    if (tally.moved) rows.set(row.position, tally.delta());
  }
  const itemSince = await moveSince(moved, { view, entries });
  const items = new Map([...walking].map(([key, { now }]) => [key, now]));
  return {
    newest: false, counts, generation: false, entries, drops, items, itemSince, rows,
    ...(rowBefore === undefined ? { epoch: { items: [...content].map(([key, { hash, data }]) => ({ key, hash, data, since: position })) } } : {}),
  };
}

/** What stands at a row for the keys that are walked, and which keys it observes. */
async function lookAt(row: Row, { view, epoch, keys }: { view: HistoryView; epoch: string; keys: ReadonlyMap<string, unknown> }): Promise<{ olds: ReadonlyMap<string, Known>; observes: (key: string) => boolean }> {
  const observed = row.kind === 'whole' ? undefined : await view.keysOf(row);
  const observes = (key: string): boolean => observed === undefined || observed.has(key);
  if (row.epoch !== undefined) return { olds: await view.stateAt(row.position, [...keys.keys()]), observes };
  const concerned = observed === undefined || [...keys.keys()].some((key) => observed.has(key));
  return { olds: concerned ? await view.entriesAt(epoch, row.position) : new Map(), observes };
}

/**
 * Values agree from a row on, but began earlier or later than stored: each later keyframe that holds the same stretch is patched,
 * and where all do, the current item. Patches of one epoch go before those of the next, since each ends where the stretch does.
 */
async function moveSince(moved: readonly { key: string; from: string; to: string; after: string }[], { view, entries }: { view: HistoryView; entries: PlannedEntry[] }): Promise<{ key: string; from: string; to: string }[]> {
  if (moved.length === 0) return [];
  let open = moved;
  const earliest = moved.reduce((least, { after }) => (after < least ? after : least), moved[0]?.after ?? '');
  for (const { id, position } of await view.epochsAfter(earliest)) {
    const concerned = open.filter(({ after }) => after < position);
    if (concerned.length === 0) continue;
    const state = await view.stateAt(position, concerned.map(({ key }) => key));
    const ended = new Set<string>();
    for (const { key, from, to } of concerned) {
      const known = state.get(key);
      if (known?.since === from) entries.push({ epoch: id, key, from: position, known: { ...known, since: to }, patch: true });
      else ended.add(key);
    }
    open = open.filter(({ key }) => !ended.has(key));
  }
  return open.map(({ key, from, to }) => ({ key, from, to }));
}

/** Sums what a row's counts gain and lose. */
class Tally {
  #added = 0;
  #changed = 0;
  #removed = 0;
  #total = 0;

  /** Counts (or takes back, `sign` -1) the step from one value to the next. */
  step(before: Known, after: Known, sign: 1 | -1): void {
    if (before.hash === after.hash) return;
    if (before.hash === null) this.#added += sign;
    else if (after.hash === null) this.#removed += sign;
    else this.#changed += sign;
  }

  present(before: Known, after: Known): void {
    this.#total += Number(after.hash !== null) - Number(before.hash !== null);
  }

  get moved(): boolean {
    return this.#added !== 0 || this.#changed !== 0 || this.#removed !== 0 || this.#total !== 0;
  }

  delta(): CountsDelta {
    return { added: this.#added, changed: this.#changed, removed: this.#removed, total: this.#total };
  }
}
