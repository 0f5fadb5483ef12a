/** One auction item in the shape that the price service answers with. */
export interface Auction { readonly [name: string]: string | number }

/** Auction items made from a seed: the same number gives the same items. */
export function auctions(count: number): Auction[] {
  let state = 42;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const price = (): number => random(2 ** 31) * (random(20) === 0 ? 30 : 1);
  return Array.from({ length: count }, (_value, index) => ({
    Id: 1_000 + index * 7, Name: `Item of ${['the Owl', 'the Bear', "Nature's Wrath", 'Power & Glory'][random(4)] ?? ''} ${index}`, Level: random(120), Class: 'Armor', SubClass: 'Metal & Stone', VendorBuy: random(1e6), VendorSell: random(1e6),
    MarketValue: price(), MinBuyout: price(), Quantity: random(500), NumAuctions: random(90), HistoricalPrice: price(), RegionMarketAvg: price(), RegionMinBuyoutAvg: price(), RegionQuantity: random(9_000), RegionHistoricalPrice: price(),
    RegionSaleAvg: price(), RegionAvgDailySold: random(1_000) / 100, RegionSaleRate: random(1_000) / 1_000,
  }));
}

/** The same items in each format, as an upstream would send them. */
export function bodiesOf(items: readonly Auction[]): Readonly<Record<string, Buffer>> {
  const names = Object.keys(items[0] ?? {});
  const cell = (value: unknown): string => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const escaped = (value: unknown): string => String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const rows = (separator: string): string => [names.join(separator), ...items.map((item) => names.map((name) => (separator === ',' ? cell(item[name]) : String(item[name]))).join(separator))].join('\n');
  const elements = items.map((item) => `<item>${names.map((name) => `<${name}>${escaped(item[name])}</${name}>`).join('')}</item>`).join('\n');
  const cells = items.map((item) => `<tr class="item">${names.map((name) => `<td class="${name}">${escaped(item[name])}</td>`).join('')}</tr>`).join('\n');
  return {
    json: Buffer.from(JSON.stringify(items)), ndjson: Buffer.from(items.map((item) => JSON.stringify(item)).join('\n')), csv: Buffer.from(rows(',')), tsv: Buffer.from(rows('\t')),
    xml: Buffer.from(`<?xml version="1.0"?><list>${elements}</list>`), html: Buffer.from(`<!doctype html><table>${cells}</table>`), text: Buffer.from(items.map((item) => names.map((name) => `${name}=${String(item[name])}`).join('|')).join('\n')),
  };
}
