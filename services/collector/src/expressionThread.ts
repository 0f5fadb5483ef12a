import { parentPort } from 'node:worker_threads';
import jsonata from 'jsonata';

/** One piece of work for the thread: the same expressions over each value. */
export interface ExpressionWork {
  readonly expressions: readonly { readonly name: string; readonly expr: string }[];
  readonly values: readonly unknown[];
}
export type ExpressionAnswer = { readonly ok: true; readonly results: readonly Readonly<Record<string, unknown>>[] } | { readonly ok: false; readonly message: string };

/** Expressions that a thread keeps compiled: those of the jobs of late. */
const mostKept = 100;
const compiled = new Map<string, jsonata.Expression>();

parentPort?.on('message', (work: ExpressionWork) => {
  void evaluate(work).then((answer) => parentPort?.postMessage(answer));
});
parentPort?.postMessage('ready');

async function evaluate({ expressions, values }: ExpressionWork): Promise<ExpressionAnswer> {
  let at = '';
  try {
    const results: Record<string, unknown>[] = [];
    for (const value of values) {
      const result: Record<string, unknown> = {};
      for (const { name, expr } of expressions) {
        at = name;
        const expression = compiled.get(expr) ?? jsonata(expr);
        if (compiled.size > mostKept) compiled.clear();
        compiled.set(expr, expression);
        const found: unknown = await expression.evaluate(value);
        // Plain data only: sequences carry hidden flags, functions cannot be sent.
        if (found !== undefined) Object.defineProperty(result, name, { value: plain(found), enumerable: true, writable: true, configurable: true });
      }
      results.push(result);
    }
    return { ok: true, results };
  } catch (error) {
    const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
    return { ok: false, message: `expression of field ${at}: ${String(message)}${code === undefined ? '' : ` (${String(code)})`}` };
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return undefined;
  if (Array.isArray(value)) return value.map((part) => plain(part) ?? null);
  if (typeof value !== 'object' || value === null) return value;
  const data: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    const kept = plain(part);
    if (kept !== undefined) Object.defineProperty(data, name, { value: kept, enumerable: true, writable: true, configurable: true });
  }
  return data;
}
