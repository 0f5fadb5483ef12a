import { collectRarely } from './collectRarely.ts';
import { endsWithParent } from './env.ts';
import type { Logger } from './logger.ts';
import { releaseWhenQuiet } from './releaseWhenQuiet.ts';

/** What a service does while it lives: it registers what it must give back, and learns that it is ending. */
export interface ServiceLife {
  /** Aborted as soon as the service begins to stop, before the first releaser runs. */
  readonly stopping: AbortSignal;
  /**
   * Registers what gives a resource back; call it on the line after the resource was acquired.
   * Releasers run in reverse order, each within `deadlineMs` (default 10 s) and what is left of the whole; a late or failing one is logged and left behind.
   */
  readonly onRelease: (name: string, release: (deadlineMs: number) => unknown, options?: { readonly deadlineMs?: number }) => void;
  /** Ends the service in order with this exit code, as a signal would. */
  readonly stop: (reason: string, exitCode?: number) => void;
}

/** The parts of the process that the life touches; tests pass their own. */
export interface ProcessPort {
  on(event: string, listener: (argument: unknown) => void): unknown;
  exit(code: number): void;
  readonly stdin: { resume(): unknown; on(event: string, listener: () => void): unknown };
}

const defaultReleaseMs = 10_000;

/**
 * Runs a service from start to exit. SIGTERM, SIGINT or (where the launcher asks for it) the end of stdin stop it in order and exit 0 within `shutdownMs`;
 * when that time is over it exits 1. A second signal exits at once with 128 + the signal's number.
 * A failing start prints one line with the code, releases what was acquired and exits 1; an uncaught error does the same after it is logged.
 */
export async function runService(options: {
  readonly name: string;
  readonly log: Logger;
  readonly start: (life: ServiceLife) => Promise<void>;
  /** Milliseconds from the first signal to the exit, at most; default 30 s. */
  readonly shutdownMs?: number;
  readonly process?: ProcessPort;
  /** Whether the end of stdin ends the service; default by GLEANER_PARENT_PIPE. */
  readonly parentPipe?: boolean;
}): Promise<void> {
  collectRarely();
  const { name, log, start, shutdownMs = 30_000, process: port = process, parentPipe = endsWithParent() } = options;
  const releasers: { name: string; deadlineMs: number; release: (deadlineMs: number) => unknown }[] = [];
  const stopping = new AbortController();
  let ending: Promise<void> | undefined;

  const end = (reason: string, exitCode: number): Promise<void> => {
    ending ??= (async () => {
      const deadline = performance.now() + shutdownMs - 500;
      const last = setTimeout(() => {
        log.error({ shutdownMs }, 'not stopped in time; exiting');
        port.exit(1);
      }, shutdownMs);
      last.unref();
      log.info({ reason }, 'stopping');
      stopping.abort(new Error(`${name} is stopping: ${reason}`));
      for (let releaser = releasers.pop(); releaser; releaser = releasers.pop()) {
        await releaseOne(releaser, Math.max(50, Math.min(releaser.deadlineMs, deadline - performance.now())), log);
      }
      clearTimeout(last);
      log.info({ reason, exitCode }, 'stopped');
      port.exit(exitCode);
    })();
    return ending;
  };

  const onSignal = (signal: string, number: number): void => {
    if (ending) {
      log.warn({ signal }, 'second signal; exiting at once');
      port.exit(128 + number);
      return;
    }
    void end(signal, 0);
  };
  port.on('SIGTERM', () => onSignal('SIGTERM', 15));
  port.on('SIGINT', () => onSignal('SIGINT', 2));
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    port.on(event, (error) => {
      log.fatal({ err: error, event }, 'uncaught error; stopping');
      void end(event, 1);
    });
  }
  if (parentPipe) {
    // The launcher never writes: the pipe ends when it dies, however it dies. Errors of the pipe mean the same.
    for (const event of ['end', 'close', 'error']) port.stdin.on(event, () => void end('the launcher has gone', 0));
    port.stdin.resume();
  }

  const life: ServiceLife = {
    stopping: stopping.signal,
    onRelease: (releaserName, release, { deadlineMs = defaultReleaseMs } = {}) => {
      releasers.push({ name: releaserName, release, deadlineMs });
      // Acquired while the service was already ending: the loop may be over, so it is given back at once.
      if (ending) {
        releasers.pop();
        void releaseOne({ name: releaserName, release }, deadlineMs, log);
      }
    },
    stop: (reason, exitCode = 0) => void end(reason, exitCode),
  };

  try {
    await start(life);
    releaseWhenQuiet();
  } catch (error) {
    if (ending) {
      log.warn({ err: error }, 'start given up because the service is stopping');
      return ending;
    }
    log.fatal({ err: error, code: codeOf(error) }, `${name} could not start: ${error instanceof Error ? error.message : String(error)}`);
    await end('start failed', 1);
  }
}

async function releaseOne(releaser: { name: string; release: (deadlineMs: number) => unknown }, deadlineMs: number, log: Logger): Promise<void> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), deadlineMs);
  });
  try {
    const outcome = await Promise.race([Promise.resolve(releaser.release(deadlineMs)).then(() => 'released' as const), late]);
    const fields = { resource: releaser.name, durationMs: Math.round(performance.now() - started) };
    if (outcome === 'late') log.warn(fields, 'not released in time; left behind');
    else log.debug(fields, 'released');
  } catch (error) {
    log.warn({ err: error, resource: releaser.name }, 'release failed; going on');
  } finally {
    clearTimeout(timer);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
