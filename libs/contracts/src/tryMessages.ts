import { z } from 'zod';
import type { Extraction, Source } from './job.ts';
import type { RunInputs } from './messages.ts';

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

const requestSchema = z.looseObject({
  v: z.literal(1), source: z.looseObject({}), extraction: z.looseObject({}), inputs: z.looseObject({}).optional(), fireAt: z.iso.datetime().optional(),
  limitMs: z.int().min(1).max(120_000).optional(), sample: z.int().min(0).max(100).optional(),
});

/** Reads a request; undefined where it is none. */
export function readTryRequest(value: unknown): TryRequest | undefined {
  const parsed = requestSchema.safeParse(value);
  return parsed.success ? (parsed.data as unknown as TryRequest) : undefined;
}
