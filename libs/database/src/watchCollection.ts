import type { ChangeStreamDocument, Collection, Document } from 'mongodb';

export interface Watch {
  close(): Promise<void>;
}

/**
 * Calls `onChange` for each change until closed. A wake-up only: a stream that breaks is opened again (0.2 s to 5 s apart)
 * without replaying what was missed, so every caller has an indexed scan behind it.
 */
export function watchCollection<T extends Document>({ collection, pipeline = [], fullDocument = false, onChange, onTrouble }: {
  readonly collection: Collection<T>;
  readonly pipeline?: Document[];
  /** Also fetch the document as it is now for updates. */
  readonly fullDocument?: boolean;
  readonly onChange: (change: ChangeStreamDocument<T>) => void;
  /** Told of each break; the watch goes on by itself. */
  readonly onTrouble?: (error: unknown) => void;
}): Watch {
  const stopping = new AbortController();
  let wake: () => void = () => undefined;
  const pause = (ms: number) => new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => { clearTimeout(timer); resolve(); };
  });
  let closeStream: () => Promise<void> = async () => undefined;

  const run = async (): Promise<void> => {
    let wait = 200;
    while (!stopping.signal.aborted) {
      const stream = collection.watch<T>(pipeline, { ...(fullDocument ? { fullDocument: 'updateLookup' } : {}), maxAwaitTimeMS: 1_000, batchSize: 500 });
      closeStream = () => stream.close();
      try {
        for await (const change of stream) {
          wait = 200;
          if (stopping.signal.aborted) break;
          onChange(change);
        }
      } catch (error) {
        if (!stopping.signal.aborted) onTrouble?.(error);
      }
      await stream.close().catch(() => undefined); // broken already: nothing is lost with it
      if (!stopping.signal.aborted) await pause(wait);
      wait = Math.min(wait * 2, 5_000);
    }
  };
  const running = run();
  return {
    close: async () => {
      stopping.abort();
      wake();
      await closeStream().catch(() => undefined); // closing a stream that is broken is all we wanted
      await running;
    },
  };
}
