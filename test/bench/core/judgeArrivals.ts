/** A plan of repeating entries: the i-th is due at `first + i * apart`, and then every `every` ms; all ms. */
export interface Plan {
  readonly entries: number;
  readonly first: number;
  readonly apart: number;
  readonly every: number;
}

/** An entry that arrived, and when. */
export interface Arrival {
  readonly entry: number;
  readonly at: number;
}

/** How late each planned moment of [first, until) was, and what came never or more than once. A moment is taken by the arrival nearest to it. */
export function judgeArrivals({ plan, arrivals, until }: { readonly plan: Plan; readonly arrivals: readonly Arrival[]; readonly until: number }): { readonly late: readonly number[]; readonly lost: number; readonly doubled: number } {
  const { entries, first, apart, every } = plan;
  const taken = new Map<string, number>();
  let doubled = 0;
  for (const { entry, at } of arrivals) {
    const begin = first + entry * apart;
    const turn = Math.max(0, Math.round((at - begin) / every));
    const planned = begin + turn * every;
    if (planned >= until) continue;
    const moment = `${entry} ${turn}`;
    if (taken.has(moment)) doubled += 1;
    else taken.set(moment, at - planned);
  }
  const expected = Array.from({ length: entries }, (_, entry) => Math.max(0, Math.ceil((until - (first + entry * apart)) / every))).reduce((sum, turns) => sum + turns, 0);
  return { late: [...taken.values()], lost: expected - taken.size, doubled };
}

/** Reads `entry milliseconds` lines as the peers' workers write them. */
export const readArrivals = (text: string): Arrival[] =>
  text.split('\n').filter((line) => line !== '').map((line) => {
    const [entry, at] = line.split(' ').map(Number);
    return { entry: entry ?? Number.NaN, at: at ?? Number.NaN };
  });
