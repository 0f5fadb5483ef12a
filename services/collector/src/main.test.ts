import { connectBroker, done } from '@gleaner/broker';
import { exchanges, extractionHash, extractionOf, messageTypes, parseJob, queues, readMessage, requestHash, topology } from '@gleaner/contracts';
import type { Report } from '@gleaner/contracts';
import { createLogger } from '@gleaner/runtime';
import { describe, expect, it } from '@jest/globals';
import { startService } from '../../../test/support/serviceProcess.ts';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withServer } from '../../../test/support/withServer.ts';

const log = createLogger({ service: 'test', level: 'silent' });

describe('the collector as a process', () => {
  it('collects with nothing but RabbitMQ and the upstream, and hands back on SIGTERM what it cannot finish', async () => {
    let hanging = 0;
    await withServer(
      (request, response) => {
        if (request.url === '/hang') hanging += 1;
        else response.setHeader('content-type', 'application/json').end('[{"id":1}]');
      },
      ({ url, port }) => withBroker(async ({ url: amqp, management }) => {
        const broker = await connectBroker({ url: amqp, name: 'test', log });
        const collector = await startService({ name: 'collector', env: { AMQP_URL: amqp, ALLOW_NETWORKS: `127.0.0.1/32:${port}`, SECRET_KEY: 'hunter22-value', COLLECTOR_STOP: '500ms' } });
        try {
          await broker.declare(topology);
          const reports: Report[] = [];
          const store = broker.consume({ queue: queues.store, concurrency: 1, handler: ({ type, body }) => {
            const message = readMessage(type, body);
            if (message.ok && message.type === 'report') reports.push(message.report);
            return done();
          } });
          await store.ready;
          const tick = (run: string, path: string) => {
            const parsed = parseJob('one', { source: { http: { url: `${url}${path}`, headers: { 'x-key': '{{ secret.KEY }}' } } }, key: 'id' });
            if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
            const { definition } = parsed;
            const body = {
              v: 1, run, job: 'one', dataset: 'd', jobVersion: 1, try: 1, queuedAt: '2026-11-21T05:20:00.000Z', fireAt: '2026-11-21T05:20:00.000Z', source: definition.source, extraction: extractionOf(definition),
              extractionHash: extractionHash(definition), requestHash: requestHash(definition), inputs: {}, maxDuration: 60_000, token: 1,
            };
            return broker.publish({ exchange: exchanges.work, routingKey: queues.collect, type: messageTypes.tick, messageId: run, body });
          };
          await tick('one@a', '/data');
          await until(() => reports.some(({ run, kind }) => run === 'one@a' && kind === 'complete'), { timeout: 20_000, see: () => [reports, collector.lines] });
          await tick('one@b', '/hang');
          await until(() => hanging === 1, { timeout: 20_000 });
          const began = performance.now();
          collector.signal('SIGTERM');
          expect(await collector.exited).toBe(0);
          expect(performance.now() - began).toBeLessThan(10_000);
          await until(async () => (await management.queueCounts())[queues.collect]?.ready === 1);
          expect(reports.filter(({ run }) => run === 'one@b').map(({ kind }) => kind)).not.toContain('failed');
          expect(collector.lines.join('\n')).not.toContain('hunter22');
          expect(collector.lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
        } finally {
          await collector.end('SIGKILL');
          await broker.close();
        }
      }),
    );
  });
});
