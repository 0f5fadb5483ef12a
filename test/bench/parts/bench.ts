import type { Finding } from '../core/finding.ts';
import type { BenchServers } from './startServers.ts';

/** What every row gets: servers to use, how much to do, and where to say what goes on. */
export interface Bench {
  readonly servers: BenchServers;
  /** A smoke run: everything is done once and small, and the figures mean nothing. */
  readonly quick: boolean;
  /** `full` in a real run, `quick` in a smoke run. */
  readonly pick: <T>(full: T, quick: T) => T;
  readonly log: (line: string) => void;
}

/** One row of the bench, a file of its own in rows/. */
export interface BenchRow {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<readonly Finding[]>;
}
