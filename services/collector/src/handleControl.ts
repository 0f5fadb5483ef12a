import type { Announcement } from '@gleaner/broker';
import type { Logger } from '@gleaner/runtime';
import type { AbortRegistry } from './createAbortRegistry.ts';
import type { OriginPauses } from './createOriginPauses.ts';

/** Makes the listener of control messages: best effort, so one that cannot be read is dropped with a word in the log. */
export function createHandleControl({ aborts, pauses, log }: { readonly aborts: AbortRegistry; readonly pauses: OriginPauses; readonly log: Logger }): (announcement: Announcement) => void {
  return (announcement) => {
    try {
      const message = announcement.json() as { readonly kind?: unknown; readonly run?: unknown; readonly try?: unknown; readonly reason?: unknown; readonly origin?: unknown; readonly until?: unknown } | null;
      if (message?.kind === 'abort' && typeof message.run === 'string' && typeof message.try === 'number') aborts.abort({ run: message.run, try: message.try }, String(message.reason));
      if (message?.kind === 'pause-origin' && typeof message.origin === 'string' && !Number.isNaN(Date.parse(String(message.until)))) pauses.pause(message.origin, Date.parse(String(message.until)));
    } catch (error) {
      log.warn({ err: error }, 'control message unreadable; dropped');
    }
  };
}
