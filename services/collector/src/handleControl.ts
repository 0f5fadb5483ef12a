import type { Announcement } from '@gleaner/broker';
import type { Logger } from '@gleaner/runtime';
import type { AbortRegistry } from './createAbortRegistry.ts';

/** Makes the listener of control messages: best effort, so one that cannot be read is dropped with a word in the log. */
export function createHandleControl({ aborts, log }: { readonly aborts: AbortRegistry; readonly log: Logger }): (announcement: Announcement) => void {
  return (announcement) => {
    try {
      const message = announcement.json() as { readonly kind?: unknown; readonly run?: unknown; readonly reason?: unknown } | null;
      if (message?.kind === 'abort' && typeof message.run === 'string') aborts.abort(message.run, String(message.reason));
    } catch (error) {
      log.warn({ err: error }, 'control message unreadable; dropped');
    }
  };
}
