import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { auctionItemsAt, makeCatalogue } from '@gleaner/demo';
import type { PricedItem } from '../core/changeItems.ts';

/** What the job of the gather rows keeps of an item: stored name → upstream's. */
export const keptFields = {
  id: 'Id', name: 'Name', marketValue: 'MarketValue', minBuyout: 'MinBuyout', quantity: 'Quantity', auctions: 'NumAuctions', historicalPrice: 'HistoricalPrice', regionMarketAvg: 'RegionMarketAvg',
} as const;

/** A recorded answer of the real service may lie beside the checkout; it must not be published, so it is no part of it. */
const recorded = join(import.meta.dirname, '../../../../shared/data/wow/tsm_items_EU_nemesis_2018-09-26.derived.json');

/** 17,428 auction items of nineteen fields (6.8 MB of JSON): the recorded answer where it lies beside the checkout, else the demo's simulation of it. */
export function auctionData(): { readonly items: readonly PricedItem[]; readonly from: string } {
  if (existsSync(recorded)) return { items: JSON.parse(readFileSync(recorded, 'utf8')) as PricedItem[], from: 'recorded auction list' };
  return { items: auctionItemsAt({ catalogue: makeCatalogue(1), seed: 1, step: 1 }) as unknown as PricedItem[], from: "the demo's simulated auction list" };
}

/** The kept fields of an item, as a job with `fields` makes them. */
export const keptOf = (item: PricedItem): Record<string, unknown> => Object.fromEntries(Object.entries(keptFields).map(([name, from]) => [name, item[from]]));

/** The job of the gather rows: every item, eight fields, asked for by hand. */
export const gatherJob = (url: string): object => ({ source: { http: { url } }, format: 'json', items: '$', key: 'Id', fields: keptFields });
