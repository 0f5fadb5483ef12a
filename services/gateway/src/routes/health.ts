import { checkReady } from '@gleaner/runtime';
import { z } from 'zod';
import type { Gateway } from '../gateway.ts';
import { json, text } from '../http/answer.ts';
import { defineRoute } from '../http/route.ts';

const check = z.strictObject({ ok: z.boolean(), needed: z.boolean(), detail: z.unknown().optional() });
const readySchema = z.strictObject({ service: z.literal('gateway'), ok: z.boolean(), checks: z.record(z.string(), check) });
const headers = { 'cache-control': 'no-store' };

export const getLive = (_gateway: Gateway) =>
  defineRoute({
    method: 'GET', path: '/health/live', scope: 'open', tag: 'health', summary: 'The process answers',
    answers: { 200: { description: 'It does.' } },
    handle: () => json({ ok: true, service: 'gateway' }, { headers, etag: false }),
  });

export const getReady = ({ needed, helpful, stopping }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/health/ready', scope: 'open', tag: 'health', summary: 'Requests are served; says what is away. Without the broker everything is served but live events and `try`',
    answers: { 200: { description: 'Ready.', schema: readySchema }, 503: { description: 'Not ready; `checks` says why.', schema: readySchema } },
    handle: async () => {
      const [must, may] = await Promise.all([checkReady({ ...needed, service: () => ({ ok: !stopping.aborted, ...(stopping.aborted ? { detail: 'stopping' } : {}) }) }), checkReady(helpful)]);
      const checks = Object.fromEntries([
        ...Object.entries(must.checks).map(([name, result]) => [name, { ...result, needed: true }]),
        ...Object.entries(may.checks).map(([name, result]) => [name, { ...result, needed: false }]),
      ]);
      return json({ service: 'gateway', ok: must.ok, checks }, { status: must.ok ? 200 : 503, headers: { ...headers, ...(must.ok ? {} : { 'retry-after': '2' }) }, etag: false });
    },
  });

export const getMetrics = ({ metrics }: Gateway) =>
  defineRoute({
    method: 'GET', path: '/metrics', scope: 'open', tag: 'health', summary: 'Numbers as Prometheus reads them',
    answers: { 200: { description: 'Text format 0.0.4.', types: ['text/plain'] } },
    handle: () => text(metrics.text(), 'text/plain; version=0.0.4; charset=utf-8', { headers, etag: false }),
  });
