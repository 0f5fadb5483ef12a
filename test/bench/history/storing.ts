import { auctionItems, median, print, rawInsertMs, withStorageBench } from './withStorageBench.ts';

// node storing.ts [rounds]: what storing 17,428 auction items costs storage alone, beside the bare driver's insertMany of the same documents in the same round.
const rounds = Number(process.argv[2] ?? 7);

await withStorageBench(async (bench) => {
  const ms: Record<string, number[]> = { raw: [], first: [], 'one per cent changed': [], 'all changed': [], 'same items': [], unchanged: [] };
  const note = (what: string, value: number, round: number): void => { if (round > 0) ms[what]?.push(value); };
  for (let round = 0; round <= rounds; round += 1) {
    const job = await bench.job(`auctions-${round}`);
    note('raw', await rawInsertMs(bench.database, auctionItems(), String(round)), round);
    note('first', (await bench.store(job, auctionItems())).ms, round);
    note('one per cent changed', (await bench.store(job, auctionItems({ round: 1, share: 0.01 }))).ms, round);
    note('one per cent changed', (await bench.store(job, auctionItems({ round: 2, share: 0.01 }))).ms, round);
    note('all changed', (await bench.store(job, auctionItems({ round: 3, share: 1 }))).ms, round);
    const { ms: same, run } = await bench.store(job, auctionItems({ round: 3, share: 1 }));
    note('same items', same, round);
    note('unchanged', (await bench.unchanged(job, run._id)).ms, round);
  }
  const raw = median(ms['raw'] ?? []);
  for (const [what, values] of Object.entries(ms))
    print({ row: 'storing 17,428 items', what, ms: Math.round(median(values) * 10) / 10, min: Math.round(Math.min(...values)), max: Math.round(Math.max(...values)), timesRaw: Math.round((raw / median(values)) * 100) / 100 });
});
