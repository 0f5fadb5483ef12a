import { setTimeout as delay } from 'node:timers/promises';
import { stableHash } from '@gleaner/contracts';
import { Binary, claimCommand, dropClaim, keepAnswer, keepChoice, type Database, type KeptAnswer } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import { ProblemError } from '../core/problem.ts';
import type { Answer } from './answer.ts';
import { readIdempotencyKey } from './readIdempotencyKey.ts';
import type { Choose, RawRequest } from './route.ts';

export interface Idempotency {
  /**
   * Carries out a command once for each Idempotency-Key of a principal and path; asked again within a day, the first answer is given again.
   * Two at once: the second waits a moment for the first's answer, then is told `command_under_way`. Without the header it is just carried out.
   */
  once(options: { readonly request: RawRequest; readonly command: string; readonly change: (choose?: Choose) => Promise<Answer> }): Promise<Answer>;
}

const askAgainMs = 50;

/**
 * Keeps what commands were answered in the database. The answer of a command that failed is not kept: nothing was done, or nobody knows. Asked again it
 * is carried out again, as is one whose copy died in the middle; on what it chose the first time (`Choose`), so that its effect comes once all the same.
 */
export function createIdempotency({ database, log, patienceMs = 10_000 }: { readonly database: Database; readonly log: Logger; readonly patienceMs?: number }): Idempotency {
  return {
    once: async ({ request, command, change }) => {
      const key = readIdempotencyKey(request.header('idempotency-key'));
      if (key === undefined) return await change();
      const asked = stableHash({ query: request.query, body: request.body, ifMatch: request.header('if-match') });
      const deadline = performance.now() + patienceMs;
      for (;;) {
        const claim = await claimCommand({ database, by: request.principal.id, command, key, asked });
        if (claim.kind === 'answered') return given(claim.answer);
        if (claim.kind === 'conflict') throw new ProblemError('idempotency_conflict', 'this Idempotency-Key asked for something else here before; use a new key');
        if (claim.kind === 'ours') return await carryOut(claim);
        if (performance.now() > deadline) throw underWay();
        await delay(askAgainMs);
      }

      async function carryOut({ id, claim }: { readonly id: string; readonly claim: string }): Promise<Answer> {
        let answer: Answer;
        try {
          answer = await change(async (choose) => {
            const kept = await keepChoice({ database, id, claim, choose });
            if (kept === undefined) throw underWay();
            return kept.choice;
          });
        } catch (error) {
          await dropClaim({ database, id, claim }).catch((fault: unknown) => log.warn({ err: fault }, 'the claim of a command that failed stands for another minute'));
          throw error;
        }
        await keepAnswer({ database, id, claim, answer: kept(answer) }).catch((error: unknown) => log.warn({ err: error }, 'the answer to a command could not be kept'));
        return answer;
      }
    },
  };
}

const underWay = (): ProblemError => new ProblemError('command_under_way', 'the same command, with the same Idempotency-Key, is still under way; ask again', { headers: { 'retry-after': '2' } });

/** Commands answer with a few bytes, never with a stream. */
const kept = ({ status, type, headers, body }: Answer): KeptAnswer => ({
  status, ...(type === undefined ? {} : { type }), ...(headers === undefined ? {} : { headers }), ...(Buffer.isBuffer(body) ? { body: new Binary(body) } : {}),
});

const given = ({ status, type, headers, body }: KeptAnswer): Answer => ({
  status, ...(type === undefined ? {} : { type }), headers: { ...headers, 'idempotency-replayed': 'true' }, ...(body === undefined ? {} : { body: Buffer.from(body.buffer) }),
});
