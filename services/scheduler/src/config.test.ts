import { describe, expect, it } from '@jest/globals';
import { readConfig } from './config.ts';

const servers = { AMQP_URL: 'amqp://localhost', MONGO_URL: 'mongodb://localhost' };

describe('the configuration', () => {
  it('reads each variable into its own place', () => {
    const config = readConfig({ variables: { ...servers, HEALTH_HOST: '0.0.0.0', HEALTH_PORT: '9101', LOG_LEVEL: 'warn', ORIGIN_CONCURRENCY: '7', ORIGIN_PER_MINUTE: '90', SCHEDULER_LEASE: '3s' } });
    expect(config).toMatchObject({
      amqpUrl: servers.AMQP_URL, mongoUrl: servers.MONGO_URL, healthHost: '0.0.0.0', healthPort: 9101, logLevel: 'warn',
      origins: { concurrency: 7, perMinute: 90 }, times: { leaseMs: 3_000, renewMs: 1_000, stepDownMs: 2_000, candidateMs: 500, republishMs: 120_000 },
    });
  });
  it('keeps the proportions of the lease by default', () => {
    expect(readConfig({ variables: servers }).times).toMatchObject({ leaseMs: 6_000, renewMs: 2_000, stepDownMs: 4_000, candidateMs: 1_000 });
  });
  it('reports every fault by name', () => {
    expect(() => readConfig({ variables: { AMQP_URL: 'http://x', ORIGIN_CONCURRENCY: '0' } })).toThrow(/AMQP_URL.*MONGO_URL.*ORIGIN_CONCURRENCY/);
  });
});
