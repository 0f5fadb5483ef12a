import type { CatalogueItem } from './auctionCatalogue.ts';
import { seededGauss, seededRandom } from './seededRandom.ts';

const { ceil, exp, floor, max, min, round } = Math;

/** One item as the real service answered it, in its order of fields; prices in copper. */
export interface AuctionItem {
  readonly Id: number;
  readonly Name: string;
  readonly Level: number;
  readonly Class: string;
  readonly SubClass: string;
  readonly VendorBuy: number;
  readonly VendorSell: number;
  readonly MarketValue: number;
  readonly MinBuyout: number;
  readonly Quantity: number;
  readonly NumAuctions: number;
  readonly HistoricalPrice: number;
  readonly RegionMarketAvg: number;
  readonly RegionMinBuyoutAvg: number;
  readonly RegionQuantity: number;
  readonly RegionHistoricalPrice: number;
  readonly RegionSaleAvg: number;
  readonly RegionAvgDailySold: number;
  readonly RegionSaleRate: number;
}

/** Each item moves once in so many steps, at a step of its own choosing. */
const stepsBetweenMoves = 100;
/** After so many steps everything is valued anew. */
export const stepsBetweenRevaluations = 168;

/** The whole list at a step: about one in a hundred differs from the step before; at a revaluation nearly all do. */
export function auctionItemsAt({ catalogue, seed, step }: { readonly catalogue: readonly CatalogueItem[]; readonly seed: number; readonly step: number }): readonly AuctionItem[] {
  const week = floor(step / stepsBetweenRevaluations);
  const market = exp(0.04 * seededGauss(seed, 20, week));
  return catalogue.map((item) => itemAt({ item, seed, week, market, moved: lastMove(seed, item.id, step) }));
}

/** The newest step, not after `step`, at which the item moved. */
function lastMove(seed: number, id: number, step: number): number {
  const cycle = floor(step / stepsBetweenMoves);
  const moveIn = (which: number): number => which * stepsBetweenMoves + floor(seededRandom(seed, 21, id, which) * stepsBetweenMoves);
  return moveIn(cycle) <= step ? moveIn(cycle) : moveIn(cycle - 1);
}

function itemAt({ item, seed, week, market, moved }: { item: CatalogueItem; seed: number; week: number; market: number; moved: number }): AuctionItem {
  const { id } = item;
  const regional = item.basePrice * market * exp(0.06 * seededGauss(seed, 22, id, week));
  const local = regional * exp(0.25 * seededGauss(seed, 23, id, moved));
  const listed = seededRandom(seed, 24, id, moved) < (item.rare ? 0.08 : 0.56);
  const valued = !item.rare || listed;
  const quantity = listed ? max(1, round(item.stock * 2 * seededRandom(seed, 25, id, moved))) : 0;
  const dailySold = round(100 * item.stock * 0.4 * seededRandom(seed, 26, id, week) ** 2) / 100;
  return {
    Id: id,
    Name: item.name,
    Level: item.level,
    Class: item.class,
    SubClass: item.subClass,
    VendorBuy: item.vendorBuy,
    VendorSell: item.vendorSell,
    MarketValue: valued ? price(local) : 0,
    MinBuyout: listed ? price(local * exp(0.15 * seededGauss(seed, 27, id, moved))) : 0,
    Quantity: quantity,
    NumAuctions: ceil(quantity / 20),
    HistoricalPrice: item.rare && seededRandom(seed, 28, id) < 0.6 ? 0 : price(regional * exp(0.1 * seededGauss(seed, 29, id, week))),
    RegionMarketAvg: price(regional),
    RegionMinBuyoutAvg: price(regional * exp(0.08 * seededGauss(seed, 30, id, week))),
    RegionQuantity: max(1, round(item.stock * 12 * seededRandom(seed, 31, id, week))),
    RegionHistoricalPrice: price(regional * exp(0.05 * seededGauss(seed, 32, id, week))),
    RegionSaleAvg: dailySold === 0 ? 0 : price(regional * 0.8),
    RegionAvgDailySold: dailySold,
    RegionSaleRate: dailySold === 0 ? 0 : round(100 * seededRandom(seed, 33, id, week)) / 100,
  };
}

const price = (copper: number): number => min(99_999_999_999, max(1, round(copper)));
