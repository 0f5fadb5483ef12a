import { parseJob } from '@gleaner/contracts';
import type { JobDefinition, RunInputs, Validators } from '@gleaner/contracts';
import { extractionOf } from '@gleaner/contracts';
import type { AllowedNetwork } from '@gleaner/runtime';
import type { Lookup } from '../createGuardedAgents.ts';
import { createEvaluator } from '../createEvaluator.ts';
import { createGuardedAgents } from '../createGuardedAgents.ts';
import { createHashes } from '../createHashes.ts';
import { createKnownSnapshots } from '../createKnownSnapshots.ts';
import { createOriginPauses } from '../createOriginPauses.ts';
import { createPatterns } from '../createPatterns.ts';
import { createRunAttempt } from '../createRunAttempt.ts';
import type { AttemptInput, AttemptOutcome } from '../createRunAttempt.ts';
import { createTokens } from '../createTokens.ts';
import type { Secret } from '../core/buildRequest.ts';
import { createFetchUpstream } from '../fetchUpstream.ts';
import { runTask } from '../runTask.ts';

export const loopback = [{ address: '127.0.0.0', prefix: 8, family: 4 as const }];

export interface TestAttemptOptions {
  readonly inputs?: RunInputs;
  readonly validators?: Validators;
  readonly secrets?: Readonly<Record<string, Secret>>;
  readonly allowNetworks?: readonly AllowedNetwork[];
  readonly lookup?: Lookup;
  readonly signal?: AbortSignal;
  readonly fireAt?: string;
  readonly limits?: { readonly perMinute?: number };
  readonly spacing?: number;
}

/** The attempt input of a job as a person writes it; throws where the job has faults. */
export function inputOf(job: object): AttemptInput {
  const parsed = parseJob('test', job);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const definition: JobDefinition = parsed.definition;
  return { source: definition.source, extraction: extractionOf(definition), inputs: {}, fireAt: '2026-11-21T05:20:00.000Z' };
}

/** The function that does an attempt, made of the real parts. */
export async function createTestRunAttempt({ secrets = {}, allowNetworks = loopback, lookup, ...sizes }: Pick<TestAttemptOptions, 'secrets' | 'allowNetworks' | 'lookup'> & { readonly passOnChars?: number; readonly longBytes?: number } = {}) {
  const agents = createGuardedAgents({ allowNetworks, ...(lookup ? { lookup } : {}) });
  const pauses = createOriginPauses();
  const evaluator = createEvaluator();
  const patterns = createPatterns();
  const snapshots = createKnownSnapshots();
  const runAttempt = createRunAttempt({
    fetchUpstream: createFetchUpstream({ agents }), agents, pauses, secrets: new Map(Object.entries(secrets)), tokens: createTokens(), hashes: await createHashes(), snapshots, runTask, evaluate: evaluator.evaluate, beginPatterns: patterns.begin, ...sizes,
  });
  return {
    runAttempt,
    pauses,
    snapshots,
    close: async () => {
      agents.close();
      await Promise.all([evaluator.close(), patterns.close()]);
    },
  };
}

/** Does one attempt of a job with the real parts, against whatever its url leads to. */
export async function testAttempt(job: object, options: TestAttemptOptions = {}): Promise<AttemptOutcome> {
  const { secrets, allowNetworks, lookup, signal = new AbortController().signal, ...more } = options;
  const { runAttempt, close } = await createTestRunAttempt({ ...(secrets ? { secrets } : {}), ...(allowNetworks ? { allowNetworks } : {}), ...(lookup ? { lookup } : {}) });
  try {
    return await runAttempt({ ...inputOf(job), ...more }, { signal });
  } finally {
    await close();
  }
}

/** What an attempt kept, as key → data; fails the test where it was not complete. */
export function keptItems(outcome: AttemptOutcome): Record<string, unknown> {
  if (outcome.kind !== 'complete') throw new Error(`expected a complete attempt; saw ${JSON.stringify(outcome)}`);
  return Object.fromEntries(outcome.items.map(({ text }) => {
    const { k, d } = JSON.parse(text) as { k: string; d: unknown };
    return [k, d];
  }));
}
