/** A server to use: where it is, where it came from, and how to end it (nothing happens if it is not ours). */
export type ProvidedServer = {
  url: string;
  how: string;
  ports: Record<string, number>;
  /** Whether its processes run; always true where they are not ours to watch. */
  lives(): boolean;
  stop(options?: { signal?: NodeJS.Signals }): Promise<void>;
};

export type ProvideOptions = {
  /** A server that somebody else runs; nothing is started then. */
  url?: string | undefined;
  /** Where data, logs and the pid files lie. */
  directory: string;
  /** Where downloads are kept. */
  cache: string;
  log: (line: string) => void;
  /** Aborted = give up: what was begun is ended, and the promise rejects. */
  signal?: AbortSignal | undefined;
};
