import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestRunAttempt, inputOf } from '../../../services/collector/src/testing/testAttempt.ts';
import { auctions, bodiesOf } from './auctionBodies.ts';
import { isMain, median, printRows } from './rows.ts';
import type { Row } from './rows.ts';

const count = 17_428;
const fields = { name: 'Name', marketValue: 'MarketValue', minBuyout: 'MinBuyout', quantity: 'Quantity', auctions: 'NumAuctions', historical: 'HistoricalPrice', rate: 'RegionSaleRate', level: 'Level' };
const htmlFields = Object.fromEntries(Object.entries(fields).map(([name, path]) => [name, `td.${path}`]));
const jobs: Readonly<Record<string, object>> = {
  json: { fields }, 'json as it came': {}, ndjson: { fields }, csv: { fields }, tsv: { fields }, xml: { items: 'list.item', fields }, html: { items: 'tr.item', key: 'td.Id', fields: htmlFields },
  text: { items: '^Id=(?<Id>\\d+)\\|Name=(?<Name>[^|]*)\\|.*$', fields: { name: 'Name' } }, 'json, where $in of 10 ids': { fields, where: { Id: { $in: Array.from({ length: 10 }, (_value, index) => 1_000 + index * 7) } } },
  'json, where $in of 10,000 ids': { fields, where: { Id: { $in: Array.from({ length: 10_000 }, (_value, index) => 900_000_000 + index).concat(Array.from({ length: 10 }, (_value, index) => 1_000 + index * 7)) } } },
};

/** Items a second of one attempt, HTTP body to batch texts, for each format; and for `$in` with 10 and 10,000 ids. */
export async function itemsPerSecond({ rounds = 7 }: { readonly rounds?: number } = {}): Promise<Row[]> {
  const bodies = bodiesOf(auctions(count));
  const server = createServer((request, response) => void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bodies[request.url?.slice(1) ?? '']));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { runAttempt, close } = await createTestRunAttempt();
  try {
    const rows: Row[] = [];
    for (const [name, job] of Object.entries(jobs)) {
      const format = name.split(/[ ,]/)[0] ?? '';
      const input = inputOf({ source: { http: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${format}` } }, format, key: 'Id', ...job });
      const ms: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const began = performance.now();
        const outcome = await runAttempt(input, { signal: new AbortController().signal });
        ms.push(performance.now() - began);
        if (outcome.kind !== 'complete' || outcome.counts.received !== count) throw new Error(`expected ${count} items of ${name}; saw ${JSON.stringify(outcome).slice(0, 500)}`);
      }
      rows.push({ row: `collect ${name}`, value: Math.round((count / median(ms)) * 1_000), unit: 'items/s' });
    }
    return rows;
  } finally {
    await close();
    server.closeAllConnections();
    server.close();
  }
}

if (isMain(import.meta.url)) printRows(await itemsPerSecond());
