import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { AuctionItem } from './core/auctionItemsAt.ts';
import { makeFeeds } from './feeds.ts';
import type { Feed } from './feeds.ts';

const steps = { auctions: 3_600_000, rates: 60_000, manifest: 600_000 };
const feeds = makeFeeds({ seed: 1, steps });
const feedAt = (path: string, from: readonly Feed[] = feeds): Feed => {
  const feed = from.find((candidate) => candidate.path.includes(path));
  if (!feed) throw new Error(`no feed with ${path}`);
  return feed;
};
const at = new Date('2026-11-21T05:00:00Z');
const play = (path: string, step: number, from?: readonly Feed[]) => feedAt(path, from).play({ step, at });
const text = (path: string, step: number): string => play(path, step).body.toString();
const windows1251 = new TextDecoder('windows-1251');

const auctionsAt = (step: number): AuctionItem[] => JSON.parse(text('/v1/item', step)) as AuctionItem[];

/** Where the recorded answers lie; they may not be published, so most machines lack them. */
const recordedFolder = join(import.meta.dirname, '../../../shared/data');
const recorded = (file: string): Buffer => readFileSync(join(recordedFolder, file));
const hasRecorded = existsSync(recordedFolder);
if (!hasRecorded) process.stderr.write(`SKIPPED: no recorded answers at ${recordedFolder}; formats are checked by their structure only\n`);
const besideRecorded = hasRecorded ? describe : describe.skip;

/** The outline of a JSON value: names in their order, and what kind of value stands there; the elements of a list as one. */
function outline(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((part) => JSON.stringify(outline(part))))].sort();
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([name, part]) => [name, outline(part)]);
  return typeof value;
}

describe('auction items', () => {
  it('are 17,428 with an id each, in the field order of the real service', () => {
    const items = auctionsAt(498_675);
    expect(items).toHaveLength(17_428);
    expect(new Set(items.map(({ Id }) => Id)).size).toBe(17_428);
    const fields = ['Id', 'Name', 'Level', 'Class', 'SubClass', 'VendorBuy', 'VendorSell', 'MarketValue', 'MinBuyout', 'Quantity', 'NumAuctions', 'HistoricalPrice', 'RegionMarketAvg', 'RegionMinBuyoutAvg', 'RegionQuantity', 'RegionHistoricalPrice', 'RegionSaleAvg', 'RegionAvgDailySold', 'RegionSaleRate'];
    expect(items.every((item) => Object.keys(item).join() === fields.join())).toBe(true);
    const numbers = items.flatMap((item) => Object.values(item).filter((value) => typeof value === 'number'));
    expect(numbers.every((value) => value >= 0 && Number.isSafeInteger(Math.round(value * 100)))).toBe(true);
    expect(Math.max(...items.map(({ MarketValue }) => MarketValue))).toBeGreaterThan(2 ** 31);
  });

  it('move by about one in a hundred from step to step, and nearly all at a revaluation', () => {
    const moved = (from: number, to: number): number => {
      const before = new Map(auctionsAt(from).map((item) => [item.Id, JSON.stringify(item)]));
      return auctionsAt(to).filter((item) => before.get(item.Id) !== JSON.stringify(item)).length / 17_428;
    };
    const revaluation = 168 * 2_968;
    for (const step of [revaluation + 10, revaluation + 99, revaluation + 100]) {
      expect(moved(step, step + 1)).toBeGreaterThan(0.004);
      expect(moved(step, step + 1)).toBeLessThan(0.02);
    }
    expect(moved(revaluation - 1, revaluation)).toBeGreaterThan(0.99);
  });

  it('have every item that the sample job asks for', () => {
    const names = new Map(auctionsAt(1).map(({ Id, Name }) => [Id, Name]));
    expect([765, 2447, 2770, 13_465].map((id) => names.get(id))).toEqual(['Silverleaf', 'Peacebloom', 'Copper Ore', 'Mountain Silversage']);
  });
});

describe('rates', () => {
  it('of PrivatBank are strings with a fixed count of decimals', () => {
    const rows = JSON.parse(text('/p24api', 7)) as Record<string, string>[];
    expect(rows.map(({ ccy, base_ccy: base }) => `${ccy}/${base}`)).toEqual(['USD/UAH', 'EUR/UAH', 'RUR/UAH', 'BTC/USD']);
    for (const row of rows) expect(Object.keys(row)).toEqual(['ccy', 'base_ccy', 'buy', 'sale']);
    for (const { ccy, buy, sale } of rows) {
      expect(buy).toMatch(ccy === 'BTC' ? /^\d+\.\d{4}$/ : /^\d+\.\d{5}$/);
      expect(Number(sale)).toBeGreaterThan(Number(buy));
    }
  });

  it('of the Bank of Russia are windows-1251 with decimal commas, and a unit rate that agrees to the digit', () => {
    const { body } = play('XML_daily', 7);
    const xml = windows1251.decode(body);
    expect(xml).toMatch(/^<\?xml version="1\.0" encoding="windows-1251"\?><ValCurs Date="21\.11\.2026" name="Foreign Currency Market"><Valute ID="R01010">/);
    expect(xml).toContain('<Name>Австралийский доллар</Name>');
    expect(body.includes(Buffer.from('Доллар'))).toBe(false);
    const rows = [...xml.matchAll(/<Valute ID="R\d{5}[A-Z]?"><NumCode>\d{3}<\/NumCode><CharCode>([A-Z]{3})<\/CharCode><Nominal>(10*)<\/Nominal><Name>[^<]+<\/Name><Value>(\d+,\d{4})<\/Value><VunitRate>(\d+(?:,\d+)?)<\/VunitRate><\/Valute>/g)];
    expect(rows).toHaveLength(43);
    expect(xml.replace(/<Valute .*<\/Valute>/, '')).toMatch(/"><\/ValCurs>$/);
    for (const [, , nominal, value = '', unit = ''] of rows) {
      expect(Number(unit.replace(',', '.')) * Number(nominal)).toBeCloseTo(Number(value.replace(',', '.')), 8);
      expect(unit).not.toMatch(/,\d*0$/);
    }
  });

  it('of the European Central Bank are the recorded days, then banking days in the same format', () => {
    expect([0, 1, 2, 31, 32].map((step) => play('eurofxref', step).origin)).toEqual(['recorded', 'recorded', 'simulation', 'simulation', 'recorded']);
    const days = [1, 2, 3, 8].map((step) => /time='([\d-]+)'/.exec(text('eurofxref', step))?.[1]);
    expect(days).toEqual(['2025-05-09', '2025-05-12', '2025-05-13', '2025-05-20']);
    const shape = (step: number): string => text('eurofxref', step).replace(/\d/g, '9').replace(/'9+(\.9+)?'/g, (_all, fraction = '') => `'9${fraction}'`);
    expect(shape(2)).toBe(shape(1));
    expect(text('eurofxref', 2)).not.toBe(text('eurofxref', 3));
  });

  it('of the dollar are the 60 recorded hours, byte for byte and round again', () => {
    const bodies = Array.from({ length: 61 }, (_, step) => text('/latest', step));
    expect(new Set(bodies).size).toBe(60);
    expect(bodies[60]).toBe(bodies[0]);
    const first = JSON.parse(bodies[0] ?? '') as { ts: number; base: string; quotes: Record<string, number> };
    expect([first.base, Object.keys(first.quotes).length]).toEqual(['USD', 169]);
  });

  it('wander, and never far in one step', () => {
    const usd = Array.from({ length: 50 }, (_, step) => Number((JSON.parse(text('/p24api', 1_000 + step)) as { buy: string }[])[3]?.buy));
    expect(new Set(usd).size).toBeGreaterThan(45);
    for (const [place, rate] of usd.slice(1).entries()) expect(Math.abs(Math.log(rate / (usd[place] ?? 0)))).toBeLessThan(0.25);
  });
});

describe('the manifest', () => {
  it('goes through the releases in order, each with the whole envelope', () => {
    const answers = Array.from({ length: 194 }, (_, step) => ({ ...play('Manifest', step), value: JSON.parse(text('Manifest', step)) as { Response: { version: string }; ErrorCode: number } }));
    const versions = answers.map(({ value }) => value.Response.version);
    expect(new Set(versions).size).toBe(194);
    expect(versions.map((version) => Number.parseInt(version, 10))).toEqual(versions.map((version) => Number.parseInt(version, 10)).sort((a, b) => a - b));
    expect(answers.filter(({ origin }) => origin === 'recorded').map(({ value }) => value.Response.version)).toEqual(['60088.17.09.26.2246-5', '60480.17.10.23.1314-2', '61966.18.01.12.0839-8', '105581.22.05.26.0310-2-bnet.44646']);
    for (const { value } of answers) expect(Object.keys(value).sort()).toEqual(['ErrorCode', 'ErrorStatus', 'Message', 'MessageData', 'Response', 'ThrottleSeconds']);
  });

  it('has hashes of its own in every simulated release, in the outline of the recorded one', () => {
    const recordedStep = Array.from({ length: 194 }, (_, step) => step).find((step) => text('Manifest', step).includes('105581.22')) ?? -1;
    const [one, other] = [JSON.parse(text('Manifest', recordedStep)), JSON.parse(text('Manifest', recordedStep + 1))] as Record<string, unknown>[];
    expect(outline(other)).toEqual(outline(one));
    expect(JSON.stringify(other)).not.toContain('81aeb269-5706-44b5-89a2-db16c5a38608');
    expect(JSON.stringify(other)).toMatch(/aggregate-[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\.json/);
  });
});

describe('every feed', () => {
  it('plays the same for the same seed, and (where it is a simulation) another for another', () => {
    const [again, other] = [makeFeeds({ seed: 1, steps }), makeFeeds({ seed: 2, steps })];
    for (const { path } of feeds) {
      const body = play(path, 498_676).body;
      expect(play(path, 498_676, again).body.equals(body)).toBe(true);
      expect(play(path, 498_676, other).body.equals(body)).toBe(play(path, 498_676).origin === 'recorded');
      expect(play(path, 498_677).body.equals(body)).toBe(false);
    }
  });
});

besideRecorded('beside what the real services sent', () => {
  it('auction items have the outline and the classes of the recorded list', () => {
    const real = JSON.parse(recorded('wow/tsm_items_EU_nemesis_2018-09-26.derived.json').toString()) as AuctionItem[];
    const played = auctionsAt(498_675);
    expect(outline(played)).toEqual(outline(real));
    const perClass = (items: AuctionItem[]): Record<string, number> => {
      const found: Record<string, number> = {};
      for (const { Class } of items) found[Class] = (found[Class] ?? 0) + 1;
      return found;
    };
    expect(perClass(played)).toEqual(perClass(real));
    const share = (items: AuctionItem[], field: 'MarketValue' | 'MinBuyout'): number => items.filter((item) => item[field] === 0).length / items.length;
    for (const field of ['MarketValue', 'MinBuyout'] as const) expect(Math.abs(share(played, field) - share(real, field))).toBeLessThan(0.1);
  });

  it('PrivatBank has the outline of the recorded answer', () => {
    const digits = (answer: string): unknown => (JSON.parse(answer) as { buy: string; sale: string }[]).map((row) => ({ ...row, buy: row.buy.split('.')[1]?.length, sale: row.sale.split('.')[1]?.length }));
    expect(digits(text('/p24api', 3))).toEqual(digits(recorded('currency/privatbank_pubinfo_2018-04-23.json').toString()));
  });

  it('the Bank of Russia differs from the recorded answer in figures and the date only', () => {
    const withoutFigures = (bytes: Buffer): string => windows1251.decode(bytes).replace(/Date="[\d.]+"/, '').replace(/<(Value|VunitRate)>[\d,]+</g, '<$1><');
    expect(withoutFigures(play('XML_daily', 3).body)).toBe(withoutFigures(recorded('currency/cbr_XML_daily_2023-11-02.win1251.xml')));
  });

  it('recorded feeds are the recorded bytes', () => {
    expect(play('eurofxref', 0).body.equals(recorded('currency/ecb_eurofxref-daily_2022-07-08.xml'))).toBe(true);
    expect(play('eurofxref', 1).body.equals(recorded('currency/ecb_eurofxref-daily_2025-05-09.xml'))).toBe(true);
    expect(play('/latest', 17).body.equals(recorded('currency/usd_quotes_hourly_series/018.json'))).toBe(true);
    expect(play('Manifest', 0).body.equals(recorded('destiny2_manifest/002_60088.17.09.26.2246-5.json'))).toBe(true);
  });
});
