import { rmSync } from 'node:fs';
import { endServersOf } from '@gleaner/standalone';

// node endServers.ts <folder>: waits until stdin ends, that is until the test run that holds it is over, however it
// ended; then ends the servers whose pid files lie in the folder, and removes it. See guardServers.
const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: node endServers.ts <folder>');
process.stdin.resume();
process.stdin.once('close', () => void end(directory));

async function end(folder: string): Promise<void> {
  await endServersOf(folder);
  rmSync(folder, { recursive: true, force: true });
}
