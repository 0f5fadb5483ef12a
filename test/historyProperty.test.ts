import { it } from '@jest/globals';
import { withStorage } from '../services/storage/src/testing/withStorage.ts';
import { playManyHistories } from './support/historyCase.ts';

// `node test/bench/history/cases.ts 3000` plays as many as you like.
const cases = 250;

it('on a real database the history equals a store that keeps every snapshot whole: late, twice, at once, crashing, swept, judged, redefined, of older versions', () => withStorage(async (test) => {
  await playManyHistories(test, { cases, lanes: 6, seed: Math.floor(Math.random() * 2 ** 30) });
}), 600_000);
