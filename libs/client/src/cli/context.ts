import type { Client } from '../createClient.ts';
import type { CliSurroundings } from './surroundings.ts';
import type { table } from './table.ts';

/** What every command works with. */
export interface CliContext {
  readonly io: CliSurroundings;
  /** Made when first needed, so that `--help` needs no key. */
  readonly client: () => Client;
  readonly json: () => boolean;
  /** Prints data: JSON for programs, `people` for people. */
  readonly print: (data: unknown, people: () => string) => void;
  readonly table: typeof table;
}
