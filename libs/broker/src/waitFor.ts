/** Resolves after `ms`, or as soon as the signal aborts; never rejects. Holds the process only while it waits. */
export function waitFor(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** True where the promise settled (either way) within `ms`: what shutdown waits with, because amqplib's own closing may never end. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const result = await Promise.race([settled, waitFor(Math.max(0, ms), over.signal).then(() => false)]);
  over.abort();
  return result;
}
