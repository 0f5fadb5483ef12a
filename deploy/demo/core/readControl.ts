import { parseDuration } from '@gleaner/contracts';
import { failureModes } from './failureModes.ts';
import type { Failure } from './failureModes.ts';

/** What `POST /control` asks for: a switch for one feed (or `*`, all of them), time moved on by ms, another speed of time. */
export interface Control {
  readonly path?: string;
  readonly failure?: Failure;
  readonly advance?: number;
  readonly speed?: number;
}

export type ReadControl = { readonly ok: true; readonly control: Control } | { readonly ok: false; readonly faults: readonly string[] };

/** Reads the body of a control request; every fault is told at once, and nothing is done when there is one. */
export function readControl(body: unknown, paths: readonly string[]): ReadControl {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { ok: false, faults: ['expected an object such as {"path": "*", "mode": "500"} or {"advance": "1h"}'] };
  const { path = '*', mode, times, delay = '60s', retryAfter = 2, advance, speed, ...unknown } = body as Record<string, unknown>;
  const faults = Object.keys(unknown).map((name) => `unknown field ${name}; expected path, mode, times, delay, retryAfter, advance, speed`);
  const expect = (holds: boolean, text: string, seen: unknown): void => {
    if (!holds) faults.push(`expected ${text}; saw ${JSON.stringify(seen)}`);
  };
  const known = failureModes.find((name) => name === String(mode));
  const delayMs = asDuration(delay);
  const advanceMs = advance === undefined ? undefined : asDuration(advance);
  expect(path === '*' || paths.includes(String(path)), `path: * or one of ${paths.join(', ')}`, path);
  expect(mode === undefined || known !== undefined, `mode: one of ${failureModes.join(', ')}`, mode);
  expect(times === undefined || (Number.isSafeInteger(times) && Number(times) > 0), 'times: a whole number from 1', times);
  expect(delayMs !== undefined, 'delay: a duration such as 60s', delay);
  expect(Number.isSafeInteger(retryAfter) && Number(retryAfter) >= 0, 'retryAfter: whole seconds', retryAfter);
  expect(advance === undefined || advanceMs !== undefined, 'advance: a duration such as 1h', advance);
  expect(speed === undefined || (typeof speed === 'number' && speed >= 0 && speed <= 1_000_000), 'speed: a number from 0 to 1000000', speed);
  expect(mode !== undefined || advance !== undefined || speed !== undefined, 'mode, advance or speed', body);
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    control: {
      path: String(path),
      ...(known === undefined ? {} : { failure: { mode: known, delayMs: delayMs ?? 0, retryAfter: Number(retryAfter), ...(times === undefined ? {} : { times: Number(times) }) } }),
      ...(advanceMs === undefined ? {} : { advance: advanceMs }),
      ...(speed === undefined ? {} : { speed: Number(speed) }),
    },
  };
}

const asDuration = (value: unknown): number | undefined => (typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined);
