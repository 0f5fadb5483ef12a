import { seededWalk } from './seededRandom.ts';

const pairs = [
  { ccy: 'USD', base_ccy: 'UAH', buy: 41.2, spread: 0.012, digits: 5 },
  { ccy: 'EUR', base_ccy: 'UAH', buy: 44.9, spread: 0.015, digits: 5 },
  { ccy: 'RUR', base_ccy: 'UAH', buy: 0.41, spread: 0.08, digits: 5 },
  { ccy: 'BTC', base_ccy: 'USD', buy: 64_200, spread: 0.1, digits: 4 },
] as const;

/** The cash desk rates of PrivatBank at a step, as its answer has them: an array, every number a string with a fixed count of decimals. */
export function privatRatesAt({ seed, step }: { readonly seed: number; readonly step: number }): string {
  return JSON.stringify(
    pairs.map(({ ccy, base_ccy, buy, spread, digits }, place) => {
      // A cash desk quotes in steps of five hundredths of its smallest usual figure; BTC to the full digits.
      const grain = digits === 5 ? (buy < 1 ? 0.005 : 0.05) : 0.0001;
      const bid = Math.round((buy * Math.exp(3 * seededWalk(seed, 100 + place, step))) / grain) * grain;
      return { ccy, base_ccy, buy: bid.toFixed(digits), sale: (bid * (1 + spread)).toFixed(digits) };
    }),
  );
}
