import type { Finding } from '../core/finding.ts';
import { pairedRatios, plain, median, withSpread } from '../core/statistics.ts';
import { auctionData, gatherJob, keptFields } from '../parts/auctionData.ts';
import type { BenchRow } from '../parts/bench.ts';
import { withGleaner } from '../parts/withGleaner.ts';
import { withPythonPeers } from '../parts/withPythonPeers.ts';
import type { PricedItem } from '../core/changeItems.ts';

const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
/** Page and text as people would read them: a table row an item, a line an item, the kept fields first. */
const cell = (item: PricedItem, name: string): string => String(item[name]);
const names = (item: PricedItem): readonly string[] => [...Object.values(keptFields), ...Object.keys(item).filter((name) => !(Object.values(keptFields) as string[]).includes(name))];
const line = `^${Object.values(keptFields).map((name) => `${name}=(?<${name}>[^|\\n]*)`).join('\\|')}`;
const inCells = Object.fromEntries(Object.entries(keptFields).map(([stored, path]) => [stored, stored === 'name' ? `td.${path}` : { path: `td.${path}`, type: 'number' }]));
const quoteCsv = (value: unknown): string => (/[",\t\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
const numbered = Object.fromEntries(Object.entries(keptFields).map(([stored, path]) => [stored, stored === 'name' ? path : { path, type: 'number' }]));

/** The same items in each format, with the job that reads them; every item is kept with eight fields, numbers as numbers. */
const formats: readonly { readonly format: string; readonly contentType: string; readonly write: (items: readonly PricedItem[]) => string; readonly job: object }[] = [
  { format: 'json', contentType: 'application/json', write: (items) => JSON.stringify(items), job: {} },
  { format: 'ndjson', contentType: 'application/x-ndjson', write: (items) => items.map((item) => JSON.stringify(item)).join('\n'), job: {} },
  { format: 'csv', contentType: 'text/csv', write: (items) => [Object.keys(items[0] ?? {}).join(','), ...items.map((item) => Object.values(item).map(quoteCsv).join(','))].join('\n'), job: { fields: numbered } },
  { format: 'tsv', contentType: 'text/tab-separated-values', write: (items) => [Object.keys(items[0] ?? {}).join('\t'), ...items.map((item) => Object.values(item).map(quoteCsv).join('\t'))].join('\n'), job: { fields: numbered } },
  { format: 'xml', contentType: 'application/xml', write: (items) => `<?xml version="1.0" encoding="UTF-8"?><items>${items.map((item) => `<item>${Object.entries(item).map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`).join('')}</item>`).join('')}</items>`, job: { items: 'items.item', fields: numbered } },
  { format: 'html', contentType: 'text/html', write: (items) => `<!doctype html><table>${items.map((item) => `<tr class="item">${names(item).map((name) => `<td class="${name}">${escapeXml(cell(item, name))}</td>`).join('')}</tr>`).join('\n')}</table>`, job: { items: 'tr.item', key: 'td.Id', fields: inCells } },
  { format: 'text', contentType: 'text/plain', write: (items) => items.map((item) => names(item).map((name) => `${name}=${cell(item, name)}`).join('|')).join('\n'), job: { items: line, fields: numbered } },
];

/** Items per second of a first gather in each format, whole pipeline, beside the same as a Celery task. */
export const formatsRow: BenchRow = {
  name: 'formats',
  title: 'items per second in each format',
  run: (bench) =>
    withGleaner({ servers: bench.servers }, async ({ upstream, putJob, gather }) => {
      const { items } = auctionData();
      return await withPythonPeers({ bench, upstream }, async (peers) => {
        const findings: Finding[] = [];
        for (const { format, contentType, write, job } of formats) {
          const path = `/items.${format}`;
          upstream.serve(path, { body: write(items), contentType });
          const [ours, theirs]: [number[], number[]] = [[], []];
          for (let round = 0; round <= bench.pick(5, 1); round += 1) {
            const id = `${format}-${round}`;
            await putJob(id, { ...gatherJob(`${upstream.url}${path}`), format, ...job });
            const { gatherMs } = await gather(id, path);
            const celery = await peers.celeryGather({ path, collection: 'copies', format });
            if (round === 0) continue; // warm-up
            ours.push(gatherMs);
            theirs.push(celery.gatherMs);
          }
          const rate = items.length / (median(ours) / 1_000);
          bench.log(`${format}: ${plain(rate)} items/s`);
          findings.push({ what: `${format}: first gather, items per second`, wanted: '', measured: `${plain(rate)} items/s; ${withSpread(pairedRatios(theirs, ours), '×')}`, beside: `Celery + requests${format === 'html' ? ' + BeautifulSoup (lxml)' : ''} + pymongo: ${plain(items.length / (median(theirs) / 1_000))} items/s` });
        }
        return findings;
      });
    }),
};
