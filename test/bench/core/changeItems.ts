/** One auction item as upstream lists it; only the fields that a change moves are named. */
export interface PricedItem {
  readonly Id: number;
  readonly MarketValue: number;
  readonly MinBuyout: number;
  readonly [field: string]: unknown;
}

/** The items of a round after the first: every `stride`-th has moved, others than in the rounds around it; stride 1 moves them all. */
export function changeItems<T extends PricedItem>(items: readonly T[], { round, stride }: { readonly round: number; readonly stride: number }): readonly T[] {
  return items.map((item, place) => ((place + round * 37) % stride === 0 ? { ...item, MarketValue: item.MarketValue + round + 1, MinBuyout: item.MinBuyout + round } : item));
}
