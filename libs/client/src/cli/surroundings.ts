/** What the command line touches of its surroundings; tests pass their own. */
export interface CliSurroundings {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Text of a file; `-` is standard input. Rejects where it cannot be read. */
  readonly readText: (path: string) => Promise<string>;
  /** Job files under a folder, sorted; undefined where the path is no folder. */
  readonly listFolder: (path: string) => Promise<readonly string[] | undefined>;
  readonly now: () => Date;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
}
