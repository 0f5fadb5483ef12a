import { performance } from 'node:perf_hooks';
import { releaseMemory } from './releaseMemory.ts';

/** Less of its time than this a process that does nothing is busy. */
const quiet = 0.1;

/**
 * Gives back what starting left behind, once: at the end of the first interval in which the process did next to nothing, so that the pause
 * (some 40 ms) falls where nobody waits. Loading the modules of a service leaves 15 to 20 MB that V8 would keep for as long as little happens.
 * Never keeps the process alive. `utilization` (of the event loop since it was last asked, 0 to 1), `release` and `everyMs` are for tests.
 */
export function releaseWhenQuiet({ everyMs = 5_000, release = releaseMemory, utilization = loopUtilization() }: { readonly everyMs?: number; readonly release?: () => void; readonly utilization?: () => number } = {}): void {
  const timer = setInterval(() => {
    if (utilization() >= quiet) return;
    clearInterval(timer);
    release();
  }, everyMs);
  timer.unref();
}

function loopUtilization(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}
