import { parentPort } from 'node:worker_threads';
import type { FailureClass } from '@gleaner/contracts';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { createPatternMatcher } from './core/createPatternMatcher.ts';
import type { Matches, PatternWork, Verdicts } from './core/createPatternMatcher.ts';

export type PatternAnswer = { readonly ok: true; readonly result: Verdicts | Matches } | { readonly ok: false; readonly class: FailureClass; readonly message: string };

const match = createPatternMatcher();

parentPort?.on('message', (work: PatternWork) => parentPort?.postMessage(answerTo(work)));
parentPort?.postMessage('ready');

function answerTo(work: PatternWork): PatternAnswer {
  try {
    return { ok: true, result: match(work) };
  } catch (error) {
    return { ok: false, class: error instanceof AttemptFailure ? error.class : 'task_error', message: error instanceof Error ? error.message : String(error) };
  }
}
