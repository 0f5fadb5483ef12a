import { flag, integer, optional, readEnv, secret, serviceFields, string } from '@gleaner/runtime';

/** What `npm start` reads itself; everything in the environment is handed on to the services too. */
export function readLauncherEnv() {
  return readEnv({
    amqpUrl: optional(serviceFields.amqpUrl),
    mongoUrl: optional(serviceFields.mongoUrl),
    gatewayPort: integer('GATEWAY_PORT', { min: 0, max: 65_535, default: 8080 }),
    dataDirectory: string('DATA_DIR', { default: '.gleaner' }),
    demo: flag('DEMO', { default: true }),
    collectors: integer('COLLECTORS', { min: 1, max: 64, default: 1 }),
    allowNetworks: optional(string('ALLOW_NETWORKS')),
    demoSecret: optional(secret('SECRET_TSM_KEY')),
  });
}
