import { beginAudit, endAudit, type Database } from '@gleaner/database';
import type { Logger } from '@gleaner/runtime';
import type { Answer } from './answer.ts';
import { problemFromError } from './problemFromError.ts';
import type { AuditFacts, RawRequest } from './route.ts';

export interface Auditor {
  /** Makes a change between two writes of its audit row; without the first write the change is not made. */
  around(options: { readonly request: RawRequest; readonly facts: AuditFacts; readonly change: () => Promise<Answer> }): Promise<Answer>;
}

/** Audits changes in the database. A row that says `asked` for long belongs to a copy that died in the middle. */
export function createAuditor({ database, log }: { readonly database: Database; readonly log: Logger }): Auditor {
  return {
    around: async ({ request, facts, change }) => {
      const { principal, requestId } = request;
      const target = facts.target?.(request);
      const id = await beginAudit({ database, by: principal.id, name: principal.name, action: facts.action, request: requestId, ...(target === undefined ? {} : { target }) });
      const close = async (outcome: 'done' | 'refused' | 'failed', status: number): Promise<void> => {
        // The change stands whatever becomes of this write: the row then goes on saying `asked`.
        await endAudit({ database, id, outcome, status }).catch((error: unknown) => log.warn({ err: error, audit: id }, 'the end of an audit row could not be written'));
      };
      try {
        const answer = await change();
        await close('done', answer.status);
        return answer;
      } catch (error) {
        const { status } = problemFromError(error).problem;
        await close(status < 500 ? 'refused' : 'failed', status);
        throw error;
      }
    },
  };
}
