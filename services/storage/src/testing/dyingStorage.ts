import { connectDatabase, historyCollectionsOf } from '@gleaner/database';
import { createLogger } from '@gleaner/runtime';
import { ulid } from 'ulid';
import { layoutLimits } from '../core/planNewest.ts';
import { handleMessage } from '../handleMessage.ts';
import { createHashCache } from '../hashCache.ts';
import { createKeyedTurns } from '../keyedTurns.ts';
import { createRevisionCache } from '../revisionCache.ts';
import { transactionLimits, type StorageParts } from '../storageParts.ts';

// node dyingStorage.ts <url> <database> <message type> <step>, the message on standard input: a storage that handles one message and stops for ever at the step
// named, saying so. For tests that kill it there.
const [url, databaseName, type, stopAt] = process.argv.slice(2) as [string, string, string, string];
const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const database = await connectDatabase({ url, databaseName, appName: 'gleaner-storage' });
const parts: StorageParts = {
  database, history: historyCollectionsOf(database.db), turns: createKeyedTurns(), revisions: createRevisionCache({ database }), cache: createHashCache({ limit: 1_000 }), log: createLogger({ service: 'dying-storage', level: 'silent' }), random: () => 0.5, newId: () => ulid(),
  sets: { holdBatch: async () => ({ kind: 'keep' }), holdComplete: async () => ({ kind: 'keep' }) }, broker: { announce: () => undefined, publish: async () => undefined }, limits: { layout: layoutLimits, ...transactionLimits },
  onStep: async (step) => {
    if (step !== stopAt) return;
    process.stdout.write(`${step}\n`);
    await new Promise(() => { setInterval(() => undefined, 60_000); });
  },
};
await handleMessage({ parts, delivery: { type, body: Buffer.concat(chunks) } });
