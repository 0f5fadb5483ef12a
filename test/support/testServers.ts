/** The servers that all test files share: addresses without a database or a vhost. */
export type TestServers = { mongo: string; amqp: string; management: string };

const VARIABLE = 'GLEANER_TEST_SERVERS_AT';

/** The servers that globalSetup started for this run; rejects outside of Jest. */
export function testServers(): TestServers {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error(`${VARIABLE} is not set: run the tests through Jest, whose globalSetup starts the servers`);
  const value: unknown = JSON.parse(text);
  if (!isTestServers(value)) throw new Error(`${VARIABLE}: expected {mongo, amqp, management}, saw ${text}`);
  return value;
}

/** Tells Jest's workers, which inherit the environment, where the servers are. */
export function announceTestServers(servers: TestServers): void {
  process.env[VARIABLE] = JSON.stringify(servers);
}

function isTestServers(value: unknown): value is TestServers {
  return typeof value === 'object' && value !== null
    && 'mongo' in value && typeof value.mongo === 'string'
    && 'amqp' in value && typeof value.amqp === 'string'
    && 'management' in value && typeof value.management === 'string';
}
