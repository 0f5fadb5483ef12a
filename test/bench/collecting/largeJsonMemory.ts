import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createTestRunAttempt, inputOf } from '../../../services/collector/src/testing/testAttempt.ts';
import { auctions } from './auctionBodies.ts';
import { isMain, printRows } from './rows.ts';
import type { Row } from './rows.ts';

const mib = 1024 ** 2;

/** Peak memory (as the system counts it) of a process that collects one JSON answer of about 40 MB, keeping every item as it came; and how long that takes. */
export async function largeJsonMemory({ megabytes = 40 }: { readonly megabytes?: number } = {}): Promise<Row[]> {
  const one = JSON.stringify(auctions(1_000));
  const body = Buffer.from(JSON.stringify(auctions(Math.ceil((megabytes * 1e6 * 1_000) / one.length))));
  const server = createServer((_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', import.meta.filename, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    const found = JSON.parse(lines.at(-1) ?? 'null') as { readonly peak: number; readonly ms: number; readonly items: number } | null;
    if (code !== 0 || !found) throw new Error(`expected the collecting process to end well; it ended with ${code}`);
    const name = `collect JSON of ${(body.length / 1e6).toFixed(0)} MB, ${found.items} items`;
    return [{ row: `${name}: peak memory`, value: Math.round(found.peak / mib), unit: 'MiB' }, { row: `${name}: time`, value: Math.round(found.ms), unit: 'ms' }];
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The collecting process: one attempt, then what it cost. */
async function collect(url: string): Promise<void> {
  const { runAttempt, close } = await createTestRunAttempt();
  const began = performance.now();
  const outcome = await runAttempt(inputOf({ source: { http: { url } }, key: 'Id' }), { signal: new AbortController().signal });
  const ms = performance.now() - began;
  if (outcome.kind !== 'complete') throw new Error(JSON.stringify(outcome).slice(0, 500));
  process.stdout.write(`${JSON.stringify({ peak: peakBytes(), ms, items: outcome.counts.kept })}\n`);
  await close();
}

/** The highest resident memory that this process has had. */
function peakBytes(): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024; // no /proc here: the same figure from the runtime
  }
}

const [, , url] = process.argv;
if (isMain(import.meta.url)) {
  if (url?.startsWith('http')) await collect(url);
  else printRows(await largeJsonMemory());
}
