import { AttemptFailure } from './core/AttemptFailure.ts';
import type { EvaluateExpressions } from './createRunAttempt.ts';

export const evaluateExpressions: EvaluateExpressions = () => Promise.reject(new AttemptFailure('task_error', 'expected no expressions'));
