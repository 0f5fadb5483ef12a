import type { BenchRow } from '../parts/bench.ts';
import { firstGather } from './firstGather.ts';
import { allChanged, onePercent, unchanged } from './gatherAgain.ts';

/** Every row, in the order of the results. */
export const rows: readonly BenchRow[] = [firstGather, onePercent, allChanged, unchanged];
