// What people write by hand to serve the latest items: node:http, find().toArray(), JSON.stringify. Environment: BENCH_MONGO_URL.
// Prints the address it listens at; ends with its standard input.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MongoClient } from 'mongodb';

const client = await MongoClient.connect(process.env['BENCH_MONGO_URL'] ?? '');
const items = client.db().collection<{ _id: string }>('bare_items');

const server = createServer((request, response) => {
  const limit = Number(new URL(request.url ?? '/', 'http://bare').searchParams.get('limit') ?? 100);
  items.find({}, { projection: { _id: 0 } }).sort({ key: 1 }).limit(limit).toArray()
    .then((found) => { response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items: found })); })
    .catch((error: unknown) => { response.writeHead(500).end(String(error)); });
});
server.listen(0, '127.0.0.1', () => { process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`); });
process.stdin.resume().on('end', () => process.exit(0));
