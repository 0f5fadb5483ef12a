import { choice, flag, integer, logLevels, optional, readEnv, secret, string, url, type EnvSource } from '@gleaner/runtime';

/** Everything that the gateway takes from its environment, frozen; throws one error that lists every fault. */
export function readConfig(source?: EnvSource) {
  return readEnv(
    {
      mongoUrl: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }),
      amqpUrl: url('AMQP_URL', { protocols: ['amqp:', 'amqps:'] }),
      /** Address to listen on; containers need 0.0.0.0. */
      host: string('GATEWAY_HOST', { default: '127.0.0.1' }),
      /** 0 = a free one. */
      port: integer('GATEWAY_PORT', { min: 0, max: 65_535, default: 8_080 }),
      /** Whether X-Forwarded-Proto of a proxy before the gateway is believed: then the session cookie is `Secure` where the client came by https. */
      trustProxy: flag('TRUST_PROXY', { default: false }),
      /** First key, all scopes; without it one is made at the first start and told once. */
      adminKey: optional(secret('ADMIN_KEY', { minLength: 16 })),
      logLevel: choice('LOG_LEVEL', logLevels, { default: 'info' }),
    },
    source,
  );
}
export type Config = ReturnType<typeof readConfig>;
