import { z } from 'zod';
import type { Evidence } from './failures.ts';
import type { Extraction, Fault, Source } from './job.ts';
import type { RequestFacts, RunInputs } from './messages.ts';

/** The `type` of a request on the queue `try`; the answer is a TryAnswer. */
export const tryMessageType = 'try.v1';

/** Asks a collector to fetch and extract now, and to store nothing. Source and extraction as in a tick; holds no secret. */
export interface TryRequest {
  readonly v: 1;
  readonly source: Source;
  readonly extraction: Extraction;
  readonly inputs?: RunInputs;
  /** `{{ fire.at }}`, ISO; default now. */
  readonly fireAt?: string;
  /** How long the attempt may last, ms; default 25,000. Ask less than the request's own deadline, so that the fault arrives. */
  readonly limitMs?: number;
  /** How many items the answer shows, 0 to 100; default 20. */
  readonly sample?: number;
}

/** What a try found. A failed one has its failure as the first fault (`code` is the failure class) and shows how far it came. */
export interface TryAnswer {
  readonly ok: boolean;
  readonly request: RequestFacts;
  /** Found upstream, kept after `where` and keys, keys that came again with other data. */
  readonly counts: { readonly received: number; readonly kept: number; readonly duplicates: number };
  readonly sample: readonly { readonly key: string; readonly data: unknown }[];
  readonly faults: readonly Fault[];
  /** The head of the last answer, secrets taken out. */
  readonly answer?: Evidence;
  readonly requests: number;
}

const requestSchema = z.looseObject({
  v: z.literal(1), source: z.looseObject({}), extraction: z.looseObject({}), inputs: z.looseObject({}).optional(), fireAt: z.iso.datetime().optional(),
  limitMs: z.int().min(1).max(120_000).optional(), sample: z.int().min(0).max(100).optional(),
});

/** Reads a request; undefined where it is none. */
export function readTryRequest(value: unknown): TryRequest | undefined {
  const parsed = requestSchema.safeParse(value);
  return parsed.success ? (parsed.data as unknown as TryRequest) : undefined;
}
