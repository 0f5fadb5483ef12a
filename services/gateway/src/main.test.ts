import { describe, expect, it } from '@jest/globals';
import { startService, type ServiceProcess } from '../../../test/support/serviceProcess.ts';
import { until } from '../../../test/support/until.ts';
import { withBroker } from '../../../test/support/withBroker.ts';
import { withReadyMongo } from '../../../test/support/withReadyMongo.ts';

const job = JSON.stringify({ source: { http: { url: 'https://upstream.example/items' } }, key: 'Id' });
const nobody = 'amqp://127.0.0.1:9/none';

const loginOf = ({ lines }: ServiceProcess): string | undefined => lines.find((line) => line.startsWith('login: '));

describe('the gateway as a process', () => {
  it('makes a first key, tells it once as a link that signs a browser in, and serves without a broker', async () => {
    await withReadyMongo(async ({ url: mongoUrl }) => {
      const first = await startService({ name: 'gateway', env: { MONGO_URL: mongoUrl, AMQP_URL: nobody, GATEWAY_PORT: '0' } });
      try {
        const link = (await until(() => loginOf(first))).slice('login: '.length);
        const signedIn = await fetch(link, { redirect: 'manual' });
        expect([signedIn.status, signedIn.headers.get('set-cookie')]).toEqual([303, expect.stringContaining('HttpOnly')]);
        const headers = { authorization: `Bearer ${new URL(link).searchParams.get('key') ?? ''}`, 'content-type': 'application/json' };
        expect((await fetch(`${first.url}/v1/jobs/j`, { method: 'PUT', headers, body: job })).status).toBe(201);
        expect((await fetch(`${first.url}/v1/jobs/j/runs`, { method: 'POST', headers, body: '{}' })).status).toBe(202);
        expect(await (await fetch(`${first.url}/health/ready`)).json()).toMatchObject({ ok: true, checks: { database: { ok: true }, broker: { ok: false, needed: false } } });
        const second = await startService({ name: 'gateway', env: { MONGO_URL: mongoUrl, AMQP_URL: nobody, GATEWAY_PORT: '0' } });
        expect((await fetch(`${second.url}/v1/jobs`, { headers })).status).toBe(200);
        await second.end();
        expect(loginOf(second)).toBeUndefined();
      } finally {
        await first.end('SIGKILL');
      }
      expect(first.lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
    });
  });

  it('takes ADMIN_KEY, shows live events, and ends in order on SIGTERM with a stream open', async () => {
    await withReadyMongo(async ({ url: mongoUrl }) => {
      await withBroker(async ({ url: amqpUrl }) => {
        const gateway = await startService({ name: 'gateway', env: { MONGO_URL: mongoUrl, AMQP_URL: amqpUrl, GATEWAY_PORT: '0', ADMIN_KEY: 'a-key-for-this-test' } });
        try {
          const headers = { authorization: 'Bearer a-key-for-this-test', 'content-type': 'application/json' };
          await until(async () => ((await (await fetch(`${gateway.url}/health/ready`)).json()) as { checks: { broker: { ok: boolean } } }).checks.broker.ok);
          const stream = await fetch(`${gateway.url}/v1/events`, { headers });
          const text = stream.text();
          let heard = '';
          // A change announced before the subscription stands is lost, as the live view may; so it is made until one is heard.
          const hearing = fetch(`${gateway.url}/v1/events`, { headers }).then(async ({ body }) => {
            for await (const part of body as unknown as AsyncIterable<Uint8Array>) heard += new TextDecoder().decode(part);
          });
          let title = 0;
          await until(async () => {
            title += 1;
            await fetch(`${gateway.url}/v1/jobs/j`, { method: 'PUT', headers, body: JSON.stringify({ ...(JSON.parse(job) as object), title: String(title) }) });
            return heard.includes('"what":"changed"');
          });
          const began = performance.now();
          gateway.signal('SIGTERM');
          expect(await gateway.exited).toBe(0);
          expect(performance.now() - began).toBeLessThan(5_000);
          expect(await text).toContain('event: job');
          await hearing;
        } finally {
          await gateway.end('SIGKILL');
        }
        expect(gateway.lines.join('\n')).not.toContain('a-key-for-this-test');
        expect(gateway.lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
      });
    });
  });

  it('says what is wrong with its configuration, all of it, and does not start', async () => {
    await expect(startService({ name: 'gateway', env: { GATEWAY_PORT: 'eighty', ADMIN_KEY: 'short' } })).rejects.toThrow(/MONGO_URL[^]*AMQP_URL[^]*GATEWAY_PORT[^]*ADMIN_KEY/);
  });
});
