import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunAnswer } from '@gleaner/contracts';

export interface GatewayApi {
  /** Asks until the gateway answers with anything but 503: it may be on its way up. Rejects on 4xx and 5xx with the answer. */
  ask<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Asks for one run of the job; asking again after a lost answer does not ask for a second. */
  runNow(job: string): Promise<string>;
}

/** A client that outlives restarts of what it speaks to. */
export function createGatewayApi({ url, key, patienceMs = 60_000 }: { url: string; key: string; patienceMs?: number }): GatewayApi {
  const ask = async <T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> => {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      let seen: string;
      try {
        const response = await fetch(`${url}${path}`, {
          method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers }, signal: AbortSignal.timeout(15_000),
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        const text = await response.text();
        if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T;
        seen = `${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`;
        if (response.status !== 503) throw new RefusedError(seen);
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        seen = String(error instanceof Error ? (error.cause ?? error) : error);
      }
      if (performance.now() > deadline) throw new Error(`the gateway did not serve ${method} ${path} within ${patienceMs / 1000} s; last: ${seen}`);
      await delay(200);
    }
  };
  return {
    ask,
    runNow: async (job) => (await ask<RunAnswer>('POST', `/v1/jobs/${job}/runs`, {}, { 'idempotency-key': randomUUID() })).id,
  };
}

class RefusedError extends Error {}
