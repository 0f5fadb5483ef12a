import type { Batch, Evidence, Extraction, FailureClass, HttpSource, RequestFacts, RunInputs, Source, Validators } from '@gleaner/contracts';
import type { GuardedAgents } from './createGuardedAgents.ts';
import type { Hashes } from './createHashes.ts';
import type { KnownSnapshots, Remembered } from './createKnownSnapshots.ts';
import type { OriginPauses } from './createOriginPauses.ts';
import { createStopwatch } from './createStopwatch.ts';
import type { MemoryShare } from './createMemoryBudget.ts';
import type { MatchPatterns } from './createPatterns.ts';
import type { Tokens } from './createTokens.ts';
import { AttemptFailure } from './core/AttemptFailure.ts';
import type { Secrets } from './core/buildRequest.ts';
import { maxBatchBytes } from './core/batchMessages.ts';
import { createItemSet } from './core/createItemSet.ts';
import { createKnownSnapshot } from './core/createKnownSnapshot.ts';
import type { KnownSnapshot } from './core/createKnownSnapshot.ts';
import type { ItemSet, SentItem } from './core/createItemSet.ts';
import { createSieve } from './core/createSieve.ts';
import { createRedactor } from './core/createRedactor.ts';
import type { Redactor } from './core/createRedactor.ts';
import { failureOf } from './core/failureOf.ts';
import { evidenceOf } from './evidenceOf.ts';
import { newAnswerRecord } from './fetchUpstream.ts';
import type { FetchUpstream } from './fetchUpstream.ts';
import { compileHtmlRead } from './formats/readHtml.ts';
import { readSource } from './readSource.ts';
import type { SourceProgress } from './readSource.ts';

/** What an attempt needs to know; a tick has it all. */
export interface AttemptInput {
  readonly source: Source;
  readonly extraction: Extraction;
  /** Both absent where nothing is to be remembered, as for a try. */
  readonly extractionHash?: string;
  readonly dataset?: string;
  readonly inputs: RunInputs;
  readonly fireAt: string;
  readonly validators?: Validators;
  readonly limits?: { readonly perMinute?: number };
  /** Least ms between the starts of two requests, as the leader granted it. */
  readonly spacing?: number;
}

interface Done {
  /** The clock when the last answer had arrived, ISO. */
  readonly observedAt: string;
  readonly requests: number;
  readonly request: RequestFacts;
  /** Head of the last answer, where it was asked for. */
  readonly evidence?: Evidence;
}
/** How an attempt ended. Everything in it is free of secrets. */
export type AttemptOutcome =
  /** `items` are those that were not passed on before; with `base` those that differ from the snapshot of that run. */
  | (Done & { readonly kind: 'complete'; readonly base?: string; readonly snapshot?: KnownSnapshot; readonly items: readonly SentItem[]; readonly counts: ItemSet['counts']; readonly validators?: Omit<Validators, 'run'>; readonly warnings: readonly string[] })
  | (Done & { readonly kind: 'unchanged'; readonly base: string })
  | { readonly kind: 'failed'; readonly class: FailureClass; readonly message: string; readonly status?: number; readonly retryAfterMs?: number; readonly origin?: string; readonly evidence?: Evidence; readonly requests: number; readonly counts: ItemSet['counts'] };

/** Numbers of an attempt that is under way. */
export interface AttemptProgress { readonly requests: number; readonly received: number }

export interface AttemptOptions {
  /** Aborted with an AttemptFailure (a deadline) it ends the attempt as failed; with anything else the attempt rejects with that. */
  readonly signal: AbortSignal;
  /** What the attempt holds of the collector's memory; given back by who entered it, once the items are away. Default: no bound. */
  readonly share?: Pick<MemoryShare, 'hold' | 'waitedMs'>;
  /** Keep the head of the last answer although nothing failed. */
  readonly keepEvidence?: boolean;
  /** Called once, with the function that tells how far the attempt has come. */
  readonly onBegin?: (progress: () => AttemptProgress) => void;
  /** Passes items on while the answer is still being read; awaited, and `timeout` does not count that. `ahead` where the answer has arrived whole. Without it all are in the outcome. */
  readonly onItems?: (items: readonly SentItem[], ahead: Batch['ahead']) => Promise<void>;
}
export type RunAttempt = (input: AttemptInput, options: AttemptOptions) => Promise<AttemptOutcome>;

/** Computes the value of a task source in a thread of its own. */
export type RunTask = (name: string, params: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>;
/** Evaluates JSONata expressions over values, within a time limit. */
export type EvaluateExpressions = (expressions: readonly { readonly name: string; readonly expr: string }[], values: readonly unknown[], signal: AbortSignal) => Promise<readonly Readonly<Record<string, unknown>>[]>;

const unbounded: Pick<MemoryShare, 'hold' | 'waitedMs'> = { hold: () => Promise.resolve(), waitedMs: () => 0 };
const waitingItems = 500;
const maxMessage = 2_000;

/** Makes the function that does one attempt: asks upstream, finds, filters, maps and keys the items; stores and sends nothing. */
export function createRunAttempt(deps: {
  readonly fetchUpstream: FetchUpstream;
  readonly agents: GuardedAgents;
  readonly pauses: OriginPauses;
  readonly secrets: Secrets;
  readonly tokens: Tokens;
  readonly hashes: Hashes;
  readonly snapshots: Pick<KnownSnapshots, 'take' | 'giveBack'>;
  readonly runTask: RunTask;
  readonly evaluate: EvaluateExpressions;
  /** Begins an attempt's work with regular expressions. */
  readonly beginPatterns: () => MatchPatterns;
  readonly now?: () => number;
  /** Characters of items that are passed on together while an answer is read; default what makes one message of most texts. */
  readonly passOnChars?: number;
  /**
   * Bytes of answers beyond which items are passed on although the last has not arrived, default 16 MiB: one of 46 MB, 104,568 items with eight fields, then takes
   * 318 MiB at its peak, where it took 413. Below it storage has less to do with messages that come all at once.
   */
  readonly longBytes?: number;
}): RunAttempt {
  const { secrets, tokens, hashes, snapshots, runTask, evaluate, beginPatterns, now = Date.now, passOnChars = maxBatchBytes * 0.85, longBytes = 16 * 1024 ** 2 } = deps;
  const redactor = liveRedactor(secrets, tokens);

  return async (input, { signal, share = unbounded, onBegin, onItems, keepEvidence = false }) => {
    const { source, extraction } = input;
    const progress: SourceProgress = { requests: 0, bytes: 0, durationMs: 0, pages: 0 };
    let taken: ItemSet | undefined;
    let known = takeKnown(snapshots, input);
    const base = known && input.validators?.run;
    const counts = (): ItemSet['counts'] => taken?.counts ?? { received: 0, kept: 0, duplicates: 0 };
    onBegin?.(() => ({ requests: progress.requests, received: counts().received }));
    try {
      const isTask = 'task' in source;
      const snapshot = known?.snapshot ?? createKnownSnapshot({ hash: hashes.ofRecord });
      const set = createItemSet({ extraction, hash: hashes.ofText, redactor, known: snapshot, ...defaultKeyOf(source, extraction), ...formatTraits(extraction) });
      taken = set;
      const sieve = createSieve({ extraction, match: beginPatterns(), onFound: (found) => set.take(found), ...formatTraits(extraction) });
      const settle = async (least = waitingItems): Promise<void> => {
        signal.throwIfAborted();
        await sieve.settle(signal);
        if (set.waiting.length === 0 || set.waiting.length < least) return;
        set.settle(await evaluate(expressionsOf(extraction), set.waiting.map(({ value }) => value), signal));
      };
      let arrivedAt: string | undefined;
      // Where the answer may be that of last time, and what that held is not remembered, its hash must be known before anything is sent in vain.
      const mayBeSame = input.validators !== undefined && !extraction.partial && base === undefined;
      const isLong = (): boolean => progress.bytes + (progress.record?.bodyBytes ?? 0) > longBytes;
      const passing = createStopwatch();
      const passOn = async (): Promise<void> => {
        if (!onItems || set.waitingChars < passOnChars || (arrivedAt === undefined && (mayBeSame || !isLong()))) return;
        const items = set.drain();
        await passing.during(() => onItems(items, arrivedAt === undefined ? undefined : { observedAt: arrivedAt, kept: set.counts.kept }));
      };
      if (isTask) {
        const started = performance.now();
        set.take({ value: await runTask(source.task, { ...source.params, ...input.inputs.params }, signal) });
        await settle(1);
        progress.durationMs = Math.round(performance.now() - started);
        return { kind: 'complete', observedAt: new Date(now()).toISOString(), requests: 0, request: { bytes: 0, durationMs: progress.durationMs }, items: set.rest(), counts: set.counts, warnings: set.warnings };
      }
      const result = await readSource({
        ...deps, progress, newHash: hashes.ofBodies, signal,
        onWhole: () => (arrivedAt = new Date(now()).toISOString()),
        settle: async () => {
          await settle();
          await passOn();
        }, newRecord: newAnswerRecord,
        ask: { http: source.http, extraction, inputs: input.inputs, fireAt: input.fireAt, now: now(), spacingMs: spacingOf(source.http, input), validators: input.validators },
        onFound: sieve.take,
        // One that is recalled must not overtake one that waits: of two with one key the last stands.
        ...(isRemembered(input) && sieve.atOnce ? { recall: set.recall } : {}),
        found: () => set.counts.received,
        share: { hold: share.hold, waitedMs: () => share.waitedMs() + passing.ms() },
      });
      const observedAt = arrivedAt ?? new Date(now()).toISOString();
      await settle(1);
      const facts: RequestFacts = { ...(progress.status === undefined ? {} : { status: progress.status }), bytes: progress.bytes, durationMs: progress.durationMs, ...(result.etag === undefined ? {} : { etag: redactor.text(result.etag) }) };
      const evidence = keepEvidence && progress.record ? { evidence: evidenceOf(progress.record, redactor) } : {};
      const done = { observedAt, requests: progress.requests, request: facts, ...evidence };
      if (result.unchanged && input.validators) return { kind: 'unchanged', base: input.validators.run, ...done };
      const { etag, lastModified, bodyHash } = result;
      const validators = { bodyHash, ...(etag === undefined ? {} : { etag: redactor.text(etag) }), ...(lastModified === undefined ? {} : { lastModified: redactor.text(lastModified) }) };
      const items = set.rest();
      if (isRemembered(input)) {
        set.commit();
        known = undefined; // it is another now
      }
      return {
        kind: 'complete', ...done, items, counts: set.counts, warnings: set.warnings, ...(extraction.partial ? {} : { validators }),
        ...(base === undefined ? {} : { base }), ...(isRemembered(input) ? { snapshot } : {}),
      };
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : undefined;
      if (signal.aborted && !(reason instanceof AttemptFailure)) throw reason;
      const failure = failureOf(error, reason);
      const evidence = progress.record && evidenceOf(progress.record, redactor);
      return {
        kind: 'failed', class: failure.class, message: redactor.text(failure.message).slice(0, maxMessage), requests: progress.requests, counts: counts(),
        ...(failure.status === undefined ? {} : { status: failure.status }), ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }), ...(failure.origin === undefined ? {} : { origin: failure.origin }), ...(evidence ? { evidence } : {}),
      };
    } finally {
      if (known) snapshots.giveBack(known);
    }
  };
}

/** A redactor that also knows the tokens that come and go. */
function liveRedactor(secrets: Secrets, tokens: Tokens): Redactor {
  const values = [...secrets].map(([name, { value }]) => [name, value] as const);
  let known: readonly string[] = [];
  let current = createRedactor(values);
  const fresh = (): Redactor => {
    if (tokens.known() !== known) {
      known = tokens.known();
      current = createRedactor([...values, ...known.map((value) => ['token', value] as const)]);
    }
    return current;
  };
  return { text: (text) => fresh().text(text), finds: (text) => fresh().finds(text), deep: (value) => fresh().deep(value), get reach() { return fresh().reach; } };
}

/** Only what an answer alone decides can be told from the answer: not what an expression makes of it, nor an answer that names some items only. */
const isRemembered = ({ dataset, source, extraction }: AttemptInput): boolean =>
  dataset !== undefined && 'http' in source && !extraction.partial && expressionsOf(extraction).length === 0;

function takeKnown(snapshots: Pick<KnownSnapshots, 'take'>, input: AttemptInput): Remembered | undefined {
  const { dataset, extractionHash, validators } = input;
  if (!isRemembered(input) || dataset === undefined || extractionHash === undefined || validators === undefined) return undefined;
  return snapshots.take({ dataset, extractionHash, run: validators.run, bodyHash: validators.bodyHash });
}

const expressionsOf = (extraction: Extraction) => Object.entries(extraction.fields ?? {}).flatMap(([name, spec]) => (typeof spec === 'object' && 'expr' in spec ? [{ name, expr: spec.expr }] : []));
/** What the leader gave it is its share of the origin; a try that no leader admitted keeps the job's own limit where it asks more than once. */
const spacingOf = (http: HttpSource, { spacing, limits }: AttemptInput): number => spacing ?? (limits?.perMinute === undefined || (!http.paginate && !http.forEach) ? 0 : Math.ceil(60_000 / limits.perMinute));

function defaultKeyOf(source: Source, extraction: Extraction): { readonly defaultKey?: string } {
  if ('task' in source) return { defaultKey: 'result' };
  return extraction.item === undefined ? {} : { defaultKey: 'item' };
}

/** HTML is read by selectors, and asked `where` of what they gave. */
const formatTraits = (extraction: Extraction) => (extraction.format === 'html' ? { compileRead: compileHtmlRead, whereAfterFields: true } : {});
