import { writeSync } from 'node:fs';

const pauseMs = 5;
const longestPauseMs = 2_000;

/**
 * Writes lines to stdout, each whole and before `write` returns. A reader that is slow is waited for, up to 2 s, then the
 * line is dropped; a reader that has gone silences it for good. (pino's own destination waits for that one for ever,
 * which would keep a service alive whose launcher was killed.)
 */
export function lineWriter({ writeBytes = (bytes) => writeSync(1, bytes), pause = sleep }: {
  readonly writeBytes?: (bytes: Uint8Array) => number;
  readonly pause?: (ms: number) => void;
} = {}): { write(line: string): void } {
  let gone = false;
  return {
    write(line) {
      let rest: Uint8Array = Buffer.from(line);
      let pausedMs = 0;
      while (!gone && rest.length > 0) {
        try {
          rest = rest.subarray(writeBytes(rest));
        } catch (error) {
          if (codeOf(error) !== 'EAGAIN') gone = true;
          else if (pausedMs >= longestPauseMs) return;
          else {
            pause(pauseMs);
            pausedMs += pauseMs;
          }
        }
      }
    },
  };
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
