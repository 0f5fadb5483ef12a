import type { BenchRow } from '../parts/bench.ts';
import { bigJson } from './bigJson.ts';
import { collectors } from './collectors.ts';
import { day } from './day.ts';
import { fireToReadable } from './fireToReadable.ts';
import { firstGather } from './firstGather.ts';
import { formatsRow } from './formats.ts';
import { allChanged, onePercent, unchanged } from './gatherAgain.ts';
import { idle } from './idle.ts';
import { latestPage } from './latestPage.ts';
import { pastPage } from './pastPage.ts';
import { burst, lateness, load } from './scheduling.ts';

/** Every row, in the order of the results. */
export const rows: readonly BenchRow[] = [lateness, burst, load, fireToReadable, firstGather, onePercent, allChanged, unchanged, day, pastPage, latestPage, collectors, bigJson, formatsRow, idle];
