import type { RunState } from '@gleaner/contracts';
import type { Database, LetterDocument } from '@gleaner/database';

/** The states of the runs that letters belong to, by run id. */
export async function readRunStates({ database, letters }: { readonly database: Database; readonly letters: readonly Pick<LetterDocument, 'run' | 'state'>[] }): Promise<Map<string, RunState>> {
  const runs = [...new Set(letters.flatMap(({ run, state }) => (run !== undefined && state === 'parked' ? [run] : [])))];
  if (runs.length === 0) return new Map();
  const found = await database.collections.runs.find({ _id: { $in: runs } }, { projection: { state: 1 } }).toArray();
  return new Map(found.map(({ _id, state }) => [_id, state]));
}
