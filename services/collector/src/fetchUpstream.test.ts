import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { withServer } from '../../../test/support/withServer.ts';
import { createGuardedAgents } from './createGuardedAgents.ts';
import { createFetchUpstream, newAnswerRecord } from './fetchUpstream.ts';
import { loopback } from './testing/testAttempt.ts';

/** Asks a server that never ends its answer, with a limit of 50 ms. */
async function fetchDrip(waitedMs: () => number): Promise<unknown> {
  return withServer((_request, response) => void response.writeHead(200).write('[1'), async ({ url }) => {
    const agents = createGuardedAgents({ allowNetworks: loopback });
    try {
      return await createFetchUpstream({ agents })({
        request: { method: 'GET', url: new URL(url), headers: {}, timeoutMs: 50, redirects: 0, origins: new Set(), mayCarry: () => false },
        record: newAnswerRecord(), signal: new AbortController().signal, waitedMs,
        read: async ({ body }) => {
          body.resume();
          await once(body, 'close');
          throw new Error('expected the body to be cut off with an error');
        },
        readFailed: () => Promise.resolve(),
      }).catch((error: unknown) => error);
    } finally {
      agents.close();
    }
  });
}

describe('the time limit of a request', () => {
  it('ends it', async () => {
    expect(await fetchDrip(() => 0)).toMatchObject({ class: 'timeout', message: 'expected the whole answer within 50 ms' });
  });

  it('gives back what the collector itself made it wait, over and over, and no more', async () => {
    const asked: number[] = [];
    // It waits 30 ms more whenever it is asked, until it has waited for 150.
    const error = await fetchDrip(() => {
      asked.push(Math.min(150, asked.length * 30));
      return asked.at(-1) ?? 0;
    });
    expect(error).toMatchObject({ class: 'timeout' });
    expect(asked).toEqual([0, 30, 60, 90, 120, 150, 150]);
  });
});
