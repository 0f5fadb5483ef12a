import { flag, integer, optional, readEnv, secret, serviceFields, string, type EnvSource } from '@gleaner/runtime';

const { mongoUrl, amqpUrl, logLevel } = serviceFields;

/** Everything that the gateway takes from its environment, frozen; throws one error that lists every fault. */
export function readConfig(source?: EnvSource) {
  return readEnv(
    {
      mongoUrl, amqpUrl, logLevel,
      /** Address to listen on; containers need 0.0.0.0. */
      host: string('GATEWAY_HOST', { default: '127.0.0.1' }),
      /** 0 = a free one. */
      port: integer('GATEWAY_PORT', { min: 0, max: 65_535, default: 8_080 }),
      /** Whether X-Forwarded-Proto of a proxy before the gateway is believed: then the session cookie is `Secure` where the client came by https. */
      trustProxy: flag('TRUST_PROXY', { default: false }),
      /** First key, all scopes; without it one is made at the first start and told once. */
      adminKey: optional(secret('ADMIN_KEY', { minLength: 16 })),
    },
    source,
  );
}
export type Config = ReturnType<typeof readConfig>;
