import { expect, it } from '@jest/globals';
import { until } from '../../../test/support/until.ts';
import { releaseWhenQuiet } from './releaseWhenQuiet.ts';

it('memory is given back once, at the end of the first quiet interval', async () => {
  const said: string[] = [];
  const loads = [0.9, 0.1, 0.05, 0.02];
  releaseWhenQuiet({ everyMs: 1, release: () => { said.push('released'); }, utilization: () => { said.push('asked'); return loads.shift() ?? 0; } });
  await until(() => said.includes('released'));
  // Were the timer still running it would fire before these.
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 2); });
  expect(said).toEqual(['asked', 'asked', 'asked', 'released']);
});

it('a busy loop is not quiet, an idle one is', async () => {
  let released = 0;
  const busy = setInterval(() => { for (const end = performance.now() + 5; performance.now() < end;); }, 1);
  try {
    releaseWhenQuiet({ everyMs: 20, release: () => { released += 1; } });
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => { setTimeout(resolve, 20); });
    expect(released).toBe(0);
  } finally {
    clearInterval(busy);
  }
  await until(() => released === 1);
});
