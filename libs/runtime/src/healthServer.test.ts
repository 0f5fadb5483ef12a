import { describe, expect, it } from '@jest/globals';
import { startHealthServer } from './healthServer.ts';
import type { HealthChecks, HealthServer } from './healthServer.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';

async function withHealth(checks: HealthChecks, fn: (server: HealthServer, parts: { lines: string[]; metrics: Metrics }) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const metrics = createMetrics();
  const server = await startHealthServer({ service: 'storage', host: '127.0.0.1', port: 0, checks, metrics, print: (line) => lines.push(line) });
  try {
    await fn(server, { lines, metrics });
  } finally {
    await server.close();
  }
}

describe('startHealthServer', () => {
  it('prints its address and says what is ready and what is not', async () => {
    let brokerUp = true;
    await withHealth({ broker: () => ({ ok: brokerUp, detail: { publish: 'up' } }), database: async () => ({ ok: true }) }, async (server, { lines }) => {
      expect(lines).toEqual([`storage ready, health at http://127.0.0.1:${server.port}`]);
      const live = await fetch(`${server.address}/health/live`);
      expect(live.status).toBe(200);
      const ready = await fetch(`${server.address}/health/ready`);
      expect([ready.status, await ready.json()]).toEqual([200, { service: 'storage', ok: true, checks: { broker: { ok: true, detail: { publish: 'up' } }, database: { ok: true } } }]);
      brokerUp = false;
      const unready = await fetch(`${server.address}/health/ready`);
      expect([unready.status, await unready.json()]).toMatchObject([503, { ok: false, checks: { broker: { ok: false }, database: { ok: true } } }]);
      expect((await fetch(`${server.address}/elsewhere`)).status).toBe(404);
      expect((await fetch(`${server.address}/health/live`, { method: 'POST' })).status).toBe(405);
    });
  });

  it('counts a check that throws or never answers as not ok, and is not ready while it stops', async () => {
    await withHealth({ throwing: () => { throw new Error('no connection'); }, silent: () => new Promise(() => undefined) }, async (server) => {
      const answer: unknown = await (await fetch(`${server.address}/health/ready`)).json();
      expect(answer).toMatchObject({ ok: false, checks: { throwing: { ok: false, detail: 'no connection' }, silent: { ok: false, detail: 'no answer within 2000 ms' } } });
    });
    await withHealth({}, async (server) => {
      expect((await fetch(`${server.address}/health/ready`)).status).toBe(200);
      server.setStopping();
      expect((await fetch(`${server.address}/health/ready`)).status).toBe(503);
      expect((await fetch(`${server.address}/health/live`)).status).toBe(200);
    });
  });

  it('serves metrics as Prometheus reads them', async () => {
    await withHealth({}, async (server, { metrics }) => {
      const ticks = metrics.counter('ticks_total', 'Ticks published.');
      ticks.inc();
      ticks.inc(2, { queue: 'a"b' });
      metrics.gauge('leader', 'Whether it leads.').set(1);
      metrics.gaugeFrom('broken', 'Cannot be had.', () => { throw new Error('no'); });
      const lateness = metrics.histogram('lateness_seconds', 'How late.', [0.01, 0.1]);
      for (const value of [0.005, 0.01, 0.05, 3]) lateness.observe(value);
      const text = await (await fetch(`${server.address}/metrics`)).text();
      for (const line of [
        '# TYPE ticks_total counter', 'ticks_total 1', 'ticks_total{queue="a\\"b"} 2', 'leader 1',
        'lateness_seconds_bucket{le="0.01"} 2', 'lateness_seconds_bucket{le="0.1"} 3', 'lateness_seconds_bucket{le="+Inf"} 4', 'lateness_seconds_count 4',
      ]) expect(text.split('\n')).toContain(line);
      // The names and kinds that Prometheus' own clients use, so that dashboards made for those show them.
      for (const line of [/^process_resident_memory_bytes \d+$/m, /^# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total [\d.]+$/m, /^nodejs_heap_size_used_bytes \d+$/m]) expect(text).toMatch(line);
      expect(() => metrics.counter('ticks_total', 'again')).toThrow('already');
    });
  });

  it('rejects where the port is taken', async () => {
    await withHealth({}, async ({ port }) => {
      await expect(startHealthServer({ service: 'x', host: '127.0.0.1', port, checks: {}, metrics: createMetrics(), print: () => undefined })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    });
  });
});
