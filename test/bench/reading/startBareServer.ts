import { once } from 'node:events';
import { join } from 'node:path';
import { spawnPeer } from '../parts/spawnPeer.ts';
import { endChild } from '../parts/startLinePeer.ts';

/** Starts the bare server that pages are measured beside, in a process of its own. */
export async function startBareServer(mongoUrl: string): Promise<{ readonly url: string; readonly pid: number; end(): Promise<void> }> {
  const child = spawnPeer(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../peers/bareServer.ts')], { env: { ...process.env, BENCH_MONGO_URL: mongoUrl }, stdio: ['pipe', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('expected the bare server to have a standard output');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: String(line).trim(), pid: child.pid ?? 0, end: async () => { await endChild(child); } };
}
