import { extractionOf, type JobDefinition, type RunInputs, type Tick, type Validators } from '@gleaner/contracts';

/** What all ticks of one job version have in common, written out once: a burst of ticks then costs no serialising. */
export interface TickSpec {
  /** `"source":…,"extraction":…` without braces. */
  readonly text: string;
  readonly extractionHash: string;
  readonly requestHash: string;
  /** Partial jobs send no validators: their answer says nothing about what it leaves out. */
  readonly sendsValidators: boolean;
}

/** The common part of a job version's ticks. */
export function tickSpec({ definition, extractionHash, requestHash }: { readonly definition: JobDefinition; readonly extractionHash: string; readonly requestHash: string }): TickSpec {
  const common: Pick<Tick, 'source' | 'extraction' | 'extractionHash' | 'requestHash' | 'maxDuration'> & Partial<Pick<Tick, 'retainRaw'>> = {
    source: definition.source, extraction: extractionOf(definition), extractionHash, requestHash, maxDuration: definition.maxDuration,
    ...(definition.retainRaw === undefined ? {} : { retainRaw: true }),
  };
  return { text: JSON.stringify(common).slice(1, -1), extractionHash, requestHash, sendsValidators: !definition.partial };
}

export interface TickHead extends Pick<Tick, 'run' | 'job' | 'dataset' | 'jobVersion' | 'try' | 'queuedAt' | 'fireAt' | 'token'> {
  readonly inputs: RunInputs;
  readonly spacing?: number | undefined;
  readonly validators?: Validators | undefined;
}

/** A tick as the body of its message. */
export const tickText = (head: TickHead, spec: TickSpec): string => `${JSON.stringify({ v: 1, ...head }).slice(0, -1)},${spec.text}}`;

/** The validators of the newest snapshot, where a request with them would mean the same: same extraction, same request. */
export function validatorsFor({ spec, head, without }: {
  readonly spec: TickSpec;
  readonly head: { readonly validators?: Validators; readonly extractionHash?: string; readonly requestHash?: string } | undefined;
  /** The snapshot that they stand for is gone: this try goes without. */
  readonly without: boolean;
}): Validators | undefined {
  if (without || !spec.sendsValidators || head?.validators === undefined) return undefined;
  return head.extractionHash === spec.extractionHash && head.requestHash === spec.requestHash ? head.validators : undefined;
}
