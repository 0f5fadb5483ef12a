import { readdirSync, readFileSync } from 'node:fs';
import { makeCatalogue } from './core/auctionCatalogue.ts';
import { auctionItemsAt } from './core/auctionItemsAt.ts';
import { cbrRatesAt } from './core/cbrRatesAt.ts';
import { ecbRatesAt } from './core/ecbRatesAt.ts';
import { manifestAt } from './core/manifestAt.ts';
import type { Played } from './core/played.ts';
import { privatRatesAt } from './core/privatRatesAt.ts';

/** One upstream that is played: what it answers at a step of its time, and the habits of the real service's answers. */
export interface Feed {
  readonly path: string;
  readonly contentType: string;
  /** Milliseconds of simulated time after which the answer may differ. */
  readonly stepMs: number;
  /** What lets a client ask whether anything changed; one feed has neither, as its model had. */
  readonly validators: readonly ('etag' | 'last-modified')[];
  /** Query parameter that must carry the API key. */
  readonly keyParameter?: string;
  readonly play: (moment: { readonly step: number; readonly at: Date }) => Played;
}

/** Milliseconds of each feed's step. */
export interface StepLengths {
  readonly auctions: number;
  readonly rates: number;
  readonly manifest: number;
}

/** Every feed of the demo; reads the recorded files once. The same seed plays the same answers. */
export function makeFeeds({ seed, steps }: { readonly seed: number; readonly steps: StepLengths }): readonly Feed[] {
  const catalogue = makeCatalogue(seed);
  const quotes = readFolder('usd-quotes', '.json').map(({ bytes }) => bytes);
  const ecbDays = readFolder('ecb', '.xml').map(({ bytes }) => bytes.toString());
  const manifests = readFolder('manifest', '.json')
    .filter(({ name }) => name !== 'versions')
    .map(({ name, bytes }) => ({ version: name, text: bytes.toString() }))
    .sort((a, b) => Number.parseInt(a.version, 10) - Number.parseInt(b.version, 10));
  const versions = JSON.parse(readFileSync(new URL('data/manifest/versions.json', import.meta.url), 'utf8')) as string[];
  const simulated = (body: string | Buffer): Played => ({ body: Buffer.from(body), origin: 'simulation' });
  return [
    { path: '/v1/item/EU/nemesis', contentType: 'application/json; charset=utf-8', stepMs: steps.auctions, validators: ['etag', 'last-modified'], keyParameter: 'apiKey', play: ({ step }) => simulated(JSON.stringify(auctionItemsAt({ catalogue, seed, step }))) },
    { path: '/p24api/pubinfo', contentType: 'application/json;charset=UTF-8', stepMs: steps.rates, validators: [], play: ({ step }) => simulated(privatRatesAt({ seed, step })) },
    { path: '/scripts/XML_daily.asp', contentType: 'application/xml; charset=windows-1251', stepMs: steps.rates, validators: ['last-modified'], play: ({ step, at }) => simulated(cbrRatesAt({ seed, step, at })) },
    { path: '/stats/eurofxref/eurofxref-daily.xml', contentType: 'text/xml', stepMs: steps.rates, validators: ['etag', 'last-modified'], play: ({ step }) => ecbRatesAt({ recorded: ecbDays, seed, step }) },
    { path: '/latest/data.json', contentType: 'text/plain; charset=utf-8', stepMs: steps.rates, validators: ['etag'], play: ({ step }) => ({ body: quotes[step % quotes.length] ?? Buffer.alloc(0), origin: 'recorded' }) },
    { path: '/Platform/Destiny2/Manifest/', contentType: 'application/json; charset=utf-8', stepMs: steps.manifest, validators: ['etag'], play: ({ step }) => manifestAt({ recorded: manifests, versions, seed, step }) },
  ];
}

/** The recorded files of a folder in the order of their names, without their ending. */
function readFolder(folder: string, ending: string): { readonly name: string; readonly bytes: Buffer }[] {
  const url = new URL(`data/${folder}/`, import.meta.url);
  return readdirSync(url)
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => ({ name: file.slice(0, -ending.length), bytes: readFileSync(new URL(file, url)) }));
}
