import type { Database } from '@gleaner/database';

const askEveryMs = 1_000;

/** Resolves true once the database answers, false when `signal` is aborted before. */
export async function untilDatabaseBack({ database, signal }: { readonly database: Pick<Database, 'ping'>; readonly signal: AbortSignal }): Promise<boolean> {
  while (!signal.aborted) {
    await new Promise<void>((resolve) => {
      const done = (): void => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve(); };
      const timer = setTimeout(done, askEveryMs);
      signal.addEventListener('abort', done);
    });
    if (signal.aborted) return false;
    const back = await database.ping().then(() => true, () => false); // still away: asked again
    if (back) return true;
  }
  return false;
}
