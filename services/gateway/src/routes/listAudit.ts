import { auditAnswer } from '@gleaner/contracts/answers';
import type { AuditDocument } from '@gleaner/database';
import { z } from 'zod';
import { paging } from '../core/queryFields.ts';
import type { Gateway } from '../gateway.ts';
import { defineRoute } from '../http/route.ts';
import { listPage } from '../listPage.ts';
import { pagedFind } from '../pagedFind.ts';

export const listAudit = ({ database, cursors }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/v1/audit', scope: 'admin', tag: 'keys', summary: 'Who changed what, newest first',
    query: z.strictObject({ ...paging, target: z.string().max(200).optional(), by: z.string().max(100).optional().meta({ description: 'Id of a key.' }), action: z.string().max(100).optional() }),
    answers: { 200: { description: 'A page of the audit. `asked` for long = the copy died in the middle of it.', schema: auditAnswer } },
    handle: async (request) => {
      const { limit, after, ...wanted } = request.query;
      const filter = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
      const { rows, next } = await pagedFind<AuditDocument>({ collection: database.collections.audit, filter, limit, after, cursors, kind: 'audit', scope: JSON.stringify(wanted) });
      return listPage(request, { audit: rows.map(({ _id, ...row }) => ({ id: _id, ...row })), next });
    },
  });
