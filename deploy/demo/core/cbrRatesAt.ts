import { encodeWindows1251 } from './encodeWindows1251.ts';
import { seededWalk } from './seededRandom.ts';

/** Id, numeric and letter code, how many units the rate is for, name, and the level that the simulated rate wanders around (roubles). */
const currencies: readonly (readonly [string, string, string, number, string, number])[] = [
  ['R01010', '036', 'AUD', 1, 'Австралийский доллар', 59],
  ['R01020A', '944', 'AZN', 1, 'Азербайджанский манат', 55],
  ['R01035', '826', 'GBP', 1, 'Фунт стерлингов Соединенного королевства', 110],
  ['R01060', '051', 'AMD', 100, 'Армянских драмов', 23],
  ['R01090B', '933', 'BYN', 1, 'Белорусский рубль', 29],
  ['R01100', '975', 'BGN', 1, 'Болгарский лев', 51],
  ['R01115', '986', 'BRL', 1, 'Бразильский реал', 18],
  ['R01135', '348', 'HUF', 100, 'Венгерских форинтов', 26],
  ['R01150', '704', 'VND', 10000, 'Вьетнамских донгов', 39],
  ['R01200', '344', 'HKD', 1, 'Гонконгский доллар', 12],
  ['R01210', '981', 'GEL', 1, 'Грузинский лари', 34],
  ['R01215', '208', 'DKK', 1, 'Датская крона', 13],
  ['R01230', '784', 'AED', 1, 'Дирхам ОАЭ', 25],
  ['R01235', '840', 'USD', 1, 'Доллар США', 93],
  ['R01239', '978', 'EUR', 1, 'Евро', 98],
  ['R01240', '818', 'EGP', 10, 'Египетских фунтов', 30],
  ['R01270', '356', 'INR', 10, 'Индийских рупий', 11],
  ['R01280', '360', 'IDR', 10000, 'Индонезийских рупий', 59],
  ['R01335', '398', 'KZT', 100, 'Казахстанских тенге', 20],
  ['R01350', '124', 'CAD', 1, 'Канадский доллар', 67],
  ['R01355', '634', 'QAR', 1, 'Катарский риал', 26],
  ['R01370', '417', 'KGS', 10, 'Киргизских сомов', 10],
  ['R01375', '156', 'CNY', 1, 'Китайский юань', 13],
  ['R01500', '498', 'MDL', 10, 'Молдавских леев', 51],
  ['R01530', '554', 'NZD', 1, 'Новозеландский доллар', 54],
  ['R01535', '578', 'NOK', 10, 'Норвежских крон', 83],
  ['R01565', '985', 'PLN', 1, 'Польский злотый', 22],
  ['R01585F', '946', 'RON', 1, 'Румынский лей', 20],
  ['R01589', '960', 'XDR', 1, 'СДР (специальные права заимствования)', 120],
  ['R01625', '702', 'SGD', 1, 'Сингапурский доллар', 68],
  ['R01670', '972', 'TJS', 10, 'Таджикских сомони', 85],
  ['R01675', '764', 'THB', 10, 'Таиландских батов', 26],
  ['R01700J', '949', 'TRY', 10, 'Турецких лир', 33],
  ['R01710A', '934', 'TMT', 1, 'Новый туркменский манат', 27],
  ['R01717', '860', 'UZS', 10000, 'Узбекских сумов', 76],
  ['R01720', '980', 'UAH', 10, 'Украинских гривен', 26],
  ['R01760', '203', 'CZK', 10, 'Чешских крон', 40],
  ['R01770', '752', 'SEK', 10, 'Шведских крон', 83],
  ['R01775', '756', 'CHF', 1, 'Швейцарский франк', 100],
  ['R01805F', '941', 'RSD', 100, 'Сербских динаров', 84],
  ['R01810', '710', 'ZAR', 10, 'Южноафриканских рэндов', 50],
  ['R01815', '410', 'KRW', 1000, 'Вон Республики Корея', 69],
  ['R01820', '392', 'JPY', 100, 'Японских иен', 62],
];

/** The Bank of Russia's daily rates at a step: XML in windows-1251 without line breaks, decimal commas, a rate for `Nominal` units and one for a single unit. */
export function cbrRatesAt({ seed, step, at }: { readonly seed: number; readonly step: number; readonly at: Date }): Buffer {
  const day = at.toISOString().slice(0, 10).split('-').reverse().join('.');
  const rows = currencies.map(([id, numCode, charCode, nominal, name, level], place) => {
    const tenThousandths = Math.round(level * Math.exp(2 * seededWalk(seed, 200 + place, step)) * 10_000);
    return `<Valute ID="${id}"><NumCode>${numCode}</NumCode><CharCode>${charCode}</CharCode><Nominal>${nominal}</Nominal><Name>${name}</Name><Value>${decimalComma(tenThousandths, 4)}</Value><VunitRate>${unitRate(tenThousandths, nominal)}</VunitRate></Valute>`;
  });
  return encodeWindows1251(`<?xml version="1.0" encoding="windows-1251"?><ValCurs Date="${day}" name="Foreign Currency Market">${rows.join('')}</ValCurs>`);
}

/** `Nominal` is a power of ten, so the rate of one unit only shifts the comma; the real answer drops trailing zeros there. */
function unitRate(tenThousandths: number, nominal: number): string {
  return decimalComma(tenThousandths, 4 + Math.round(Math.log10(nominal))).replace(/,?0+$/, '');
}

/** Whole units of 10^-digits as text with a comma, without going through a binary fraction. */
function decimalComma(units: number, digits: number): string {
  const text = String(units).padStart(digits + 1, '0');
  return `${text.slice(0, -digits)},${text.slice(-digits)}`;
}
