import type { Db } from 'mongodb';
import type { Database } from './connectDatabase.ts';
import { DatabaseError } from './DatabaseError.ts';
import { access } from './migrations/access.ts';
import { foundation } from './migrations/foundation.ts';
import { generations } from './migrations/generations.ts';
import { history } from './migrations/history.ts';
import { idempotency } from './migrations/idempotency.ts';
import { scheduling } from './migrations/scheduling.ts';

/** One numbered step of the database's shape. Applying it twice must change nothing: a setup that died half way is simply run again. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  apply(context: { readonly db: Db }): Promise<void>;
}

/** In order; a number is never used again. */
export const migrations: readonly Migration[] = [foundation, access, history, scheduling, idempotency, generations];

const newest = Math.max(...migrations.map(({ version }) => version));

/** Brings the database to this code's shape; the migrations applied. Repeatable; refuses a database that a newer Gleaner has set up (`schema_too_new`). */
export async function setupDatabase({ database }: { readonly database: Database }): Promise<string[]> {
  const { meta } = database.collections;
  const seen = (await meta.findOne({ _id: 'schema' }))?.version ?? 0;
  if (seen > newest) throw tooNew(seen);
  const applied: string[] = [];
  for (const { version, name, apply } of [...migrations].sort((a, b) => a.version - b.version)) {
    if (version <= seen) continue;
    await apply({ db: database.db });
    await meta.updateOne({ _id: 'schema' }, { $max: { version }, $set: { appliedAt: database.clock.now() } }, { upsert: true });
    applied.push(`${version} ${name}`);
  }
  return applied;
}

/** What every service asks at start: that the database has the shape this code was written for; else `schema_too_old` or `schema_too_new`. */
export async function expectSchema({ database }: { readonly database: Database }): Promise<void> {
  const seen = (await database.collections.meta.findOne({ _id: 'schema' }))?.version ?? 0;
  if (seen > newest) throw tooNew(seen);
  if (seen < newest) throw new DatabaseError('schema_too_old', `expected a database set up to version ${newest}; saw ${seen}. Run the setup first (docker compose runs it by itself; npm start too)`, { details: { expected: newest, seen } });
}

const tooNew = (seen: number): DatabaseError =>
  new DatabaseError('schema_too_new', `expected a database of version ${newest} or older; saw ${seen}: a newer Gleaner has set it up. Update this service`, { details: { expected: newest, seen } });
