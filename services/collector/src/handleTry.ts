import { readTryRequest } from '@gleaner/contracts';
import type { Fault, TryAnswer } from '@gleaner/contracts';
import type { Delivery } from '@gleaner/broker';
import type { MemoryBudget } from './createMemoryBudget.ts';
import type { RunAttempt } from './createRunAttempt.ts';
import { AttemptFailure } from './core/AttemptFailure.ts';

const defaultLimitMs = 25_000;
const defaultSample = 20;
/** An answer is one message; items beyond this many characters are left out of the sample. */
const maxSampleCharacters = 512 * 1024;

/** Makes the handler of `try` requests: one attempt whose items are shown and then forgotten. A failed attempt is an answer too; only a request that cannot be read throws. */
export function createHandleTry({ runAttempt, memory, now = Date.now }: { readonly runAttempt: RunAttempt; readonly memory: Pick<MemoryBudget, 'enter'>; readonly now?: () => number }): (delivery: Delivery) => Promise<TryAnswer> {
  return async (delivery) => {
    const request = readTryRequest(delivery.json());
    if (!request) throw new AttemptFailure('unreadable', 'expected a try request of version 1');
    const { source, extraction, inputs = {}, fireAt = new Date(now()).toISOString(), limitMs = defaultLimitMs, sample = defaultSample } = request;
    const limit = new AbortController();
    using share = memory.enter('http' in source ? source.http.maxBytes : 0);
    const timer = setTimeout(() => limit.abort(new AttemptFailure('deadline', `expected the try to last at most ${limitMs} ms`)), limitMs);
    try {
      const outcome = await runAttempt({ source, extraction, inputs, fireAt }, { signal: AbortSignal.any([delivery.signal, limit.signal]), share, keepEvidence: true });
      const evidence = outcome.evidence ? { answer: outcome.evidence } : {};
      if (outcome.kind === 'unchanged') throw new AttemptFailure('stale_validators', 'expected no validators in a try');
      if (outcome.kind === 'failed') {
        const request = { ...(outcome.status === undefined ? {} : { status: outcome.status }), bytes: outcome.evidence?.bodyBytes ?? 0, durationMs: outcome.evidence?.durationMs ?? 0 };
        return { ok: false, request, counts: outcome.counts, sample: [], faults: [fault(outcome.class, outcome.message)], ...evidence, requests: outcome.requests };
      }
      const { counts, requests, warnings } = outcome;
      return { ok: true, request: outcome.request, counts, sample: sampleOf(outcome.items, sample), faults: warnings.map((message) => fault('warning', message)), ...evidence, requests };
    } finally {
      clearTimeout(timer);
    }
  };
}

const fault = (code: string, message: string): Fault => ({ path: '', code, message });

function sampleOf(items: readonly { readonly text: string }[], count: number): TryAnswer['sample'] {
  const shown: TryAnswer['sample'][number][] = [];
  let characters = 0;
  for (const { text } of items.slice(0, count)) {
    characters += text.length;
    if (characters > maxSampleCharacters) break;
    const { k: key, d: data } = JSON.parse(text) as { readonly k: string; readonly d: unknown };
    shown.push({ key, data });
  }
  return shown;
}
