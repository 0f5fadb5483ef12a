import { moveRun } from '@gleaner/database';
import type { Gateway } from '../gateway.ts';
import { nothing } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';
import { expectRun, runParams, stateConflict } from './runParams.ts';

export const cancelRun = ({ database, messenger }: Gateway) =>
  defineRoute({
    method: 'DELETE', path: '/v1/runs/:run', scope: 'operate', tag: 'runs', summary: 'Cancel a run that has not ended: from now on nothing of it is stored',
    params: runParams,
    answers: { 204: { description: 'Cancelled, or it was already.' }, 409: { description: 'The run has ended otherwise; `state` says how.' } },
    audit: { action: 'run.cancel', target: ({ params }) => params['run'] ?? '' },
    handle: async ({ params: { run: id } }) => {
      // The state is the cancellation; the message only spares the fetch.
      const moved = await moveRun({ database, run: id, to: 'cancelled', set: { reason: 'cancelled' } });
      if (moved === null) {
        const run = await expectRun({ database, id });
        if (run.state !== 'cancelled') throw stateConflict(run, 'only a run that has not ended can be cancelled');
      } else {
        messenger.announceAbort(moved, 'cancelled');
        messenger.announceRun(moved);
      }
      return nothing();
    },
  });
