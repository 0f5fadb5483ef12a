import type { Database } from '@gleaner/database';
import { expectDataset, type Dataset } from './routes/jobParams.ts';

export interface DatasetLookup {
  /**
   * Reads with the dataset of a job, which is remembered for a second. What is remembered may be of a job that was deleted meanwhile:
   * `read` then finds its head deleted (`isGone` of what it throws), and is tried once more with what holds now. Throws `not_found`.
   */
  with<T>(job: string, read: (dataset: Dataset) => Promise<T>): Promise<T>;
}

const rememberMs = 1_000;
const remembered = 10_000;

export function createDatasetLookup({ database, isGone, monotonic = () => performance.now() }: { readonly database: Database; readonly isGone: (error: unknown) => boolean; readonly monotonic?: () => number }): DatasetLookup {
  const known = new Map<string, { readonly dataset: Dataset; readonly until: number }>();
  const find = async (id: string): Promise<Dataset> => {
    const dataset = await expectDataset({ database, id });
    if (known.size >= remembered) known.clear();
    known.set(id, { dataset, until: monotonic() + rememberMs });
    return dataset;
  };
  return {
    with: async (job, read) => {
      const standing = known.get(job);
      if (standing === undefined || standing.until <= monotonic()) return await read(await find(job));
      try {
        return await read(standing.dataset);
      } catch (error) {
        if (!isGone(error)) throw error;
        return await read(await find(job));
      }
    },
  };
}
