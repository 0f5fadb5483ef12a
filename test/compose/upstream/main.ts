import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';

// An upstream under a test's control, run by Node alone. GET /feed/<name>?size=<items> answers a list whose item `n` holds
// a number that no other answer of the feed had or will have, restarts included. POST /control {delayMs?, status?, hold?,
// forget?} changes how all feeds answer; GET /control tells what came, from which addresses, and how many requests wait.
const FEED_PORT = 8_090;
const CONTROL_PORT = 8_091;
const how = { delayMs: 0, status: 200, hold: false };
const answered = new Map<string, number>();
// Fewer than one answer a millisecond, so a later start begins beyond all that was given.
const firstNumber = Date.now();
const seen = new Map<string, number>();
const tokens = new Map<string, string>();
let held: (() => void)[] = [];
let waiting = 0;

async function answerFeed(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://upstream');
  const address = (request.socket.remoteAddress ?? '').replace('::ffff:', '');
  seen.set(address, (seen.get(address) ?? 0) + 1);
  const token = request.headers['x-token'];
  if (typeof token === 'string') tokens.set(url.pathname, token);
  waiting += 1;
  response.once('close', () => { waiting -= 1; });
  if (how.hold) await new Promise<void>((resolve) => { held.push(resolve); });
  if (how.delayMs > 0) await new Promise((resolve) => { setTimeout(resolve, how.delayMs); });
  if (how.status !== 200) {
    response.writeHead(how.status, { 'content-type': 'text/plain' }).end('told to fail');
    return;
  }
  const n = (answered.get(url.pathname) ?? firstNumber) + 1;
  answered.set(url.pathname, n);
  const size = Number(url.searchParams.get('size') ?? 2);
  const items = [{ id: 'n', value: n }, ...Array.from({ length: size - 1 }, (_, index) => ({ id: `k${index}`, value: size > 2 ? n : 0, text: size > 2 ? 'x'.repeat(200) : '' }))];
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(items));
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'POST') {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    Object.assign(how, JSON.parse(text));
    if (!how.hold) {
      for (const release of held) release();
      held = [];
    }
    if (text.includes('"forget"')) seen.clear();
  }
  response.writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ ...how, waiting, seen: Object.fromEntries(seen), tokens: Object.fromEntries(tokens), answered: Object.fromEntries(answered) }));
}

const feeds = createServer((request, response) => { answerFeed(request, response).catch(() => { response.destroy(); }); }).listen(FEED_PORT);
const controls = createServer((request, response) => { control(request, response).catch(() => { response.destroy(); }); }).listen(CONTROL_PORT);
process.once('SIGTERM', () => {
  for (const server of [feeds, controls]) {
    server.close();
    server.closeAllConnections();
  }
});
