import { all, create } from 'mathjs/number';
import type { FunctionNode, MathNode } from 'mathjs/number';
import { AttemptFailure } from '../core/AttemptFailure.ts';
import { integrate } from '../core/integrate.ts';

const math = create(all ?? {}, {});
const maxSize = 20_000;
/** What a formula may be made of: arithmetic over x, y and constants, and these functions. */
const functions: ReadonlySet<string> = new Set([
  'abs', 'acos', 'acosh', 'asin', 'asinh', 'atan', 'atan2', 'atanh', 'cbrt', 'ceil', 'cos', 'cosh', 'exp', 'expm1', 'fix', 'floor', 'gamma', 'hypot', 'log', 'log10', 'log1p', 'log2',
  'max', 'min', 'mod', 'pow', 'round', 'sign', 'sin', 'sinh', 'sqrt', 'square', 'cube', 'tan', 'tanh', 'cot', 'sec', 'csc',
]);
const constants: ReadonlySet<string> = new Set(['x', 'y', 'pi', 'PI', 'e', 'E', 'tau', 'phi']);
const allowedNodes: ReadonlySet<string> = new Set(['ConstantNode', 'OperatorNode', 'ParenthesisNode', 'ConditionalNode', 'RelationalNode', 'SymbolNode', 'FunctionNode']);

/** `integrate`: {f, a, b, c, d, size} → {value}, the double integral of f(x, y). Throws `task_error` with what is wrong. */
export function integrateTask(params: Readonly<Record<string, unknown>>): { readonly value: number } {
  const { f, ...bounds } = params;
  if (typeof f !== 'string' || f.length > 1_000) throw wrong('expected a formula of at most 1,000 characters over x and y as f', f);
  const number = (name: string): number => {
    const value = bounds[name];
    const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof read !== 'number' || !Number.isFinite(read)) throw wrong(`expected a number as ${name}`, value);
    return read;
  };
  const size = number('size');
  if (!Number.isInteger(size) || size < 1 || size > maxSize) throw wrong(`expected a whole number from 1 to ${maxSize} as size`, size);
  const value = integrate(compileFormula(f), { a: number('a'), b: number('b'), c: number('c'), d: number('d'), size });
  if (!Number.isFinite(value)) throw wrong('expected a finite integral', String(value));
  return { value };
}

/** A formula as a function; parsed, checked part by part, and evaluated by the maths library: no text ever becomes code. */
function compileFormula(f: string): (x: number, y: number) => number {
  let node: MathNode;
  try {
    node = math.parse(f);
  } catch (cause) {
    throw new AttemptFailure('task_error', `expected a formula as f; ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  node.traverse((part: MathNode, path: string) => {
    if (!allowedNodes.has(part.type)) throw wrong('expected arithmetic over x, y, constants and functions as f', part.toString());
    const name = part.type === 'SymbolNode' ? part.toString() : undefined;
    if (name !== undefined && path !== 'fn' && !constants.has(name)) throw wrong('expected only x, y and constants as names in f', name);
    if (part.type === 'FunctionNode' && !functions.has((part as FunctionNode).fn.toString())) throw wrong('expected a known function in f', (part as FunctionNode).fn.toString());
  });
  const code = node.compile();
  const scope = new Map<string, unknown>();
  return (x, y) => {
    scope.set('x', x);
    scope.set('y', y);
    const value: unknown = code.evaluate(scope);
    if (typeof value !== 'number') throw wrong(`expected f to give a number at x=${x}, y=${y}`, String(value));
    return value;
  };
}

const wrong = (expected: string, seen: unknown): AttemptFailure => new AttemptFailure('task_error', `integrate: ${expected}; saw ${JSON.stringify(seen) ?? 'nothing'}`);
