/**
 * What the launcher's own environment becomes for what it starts: the servers that it found and the demo's key stand in it
 * by value, and no longer in the files that may have named them, because to be told both ways is a fault.
 */
export function servicesEnv({ given, mongoUrl, amqpUrl, demo, demoSecret = 'demo-key' }: {
  given: NodeJS.ProcessEnv; mongoUrl: string; amqpUrl: string; demo: boolean; demoSecret?: string | undefined;
}): NodeJS.ProcessEnv {
  // The key that the auction job sends, and that its upstream asks for.
  const values = { MONGO_URL: mongoUrl, AMQP_URL: amqpUrl, ...(demo ? { SECRET_TSM_KEY: demoSecret, PLAYBACK_API_KEY: demoSecret } : {}) };
  const files = new Set(Object.keys(values).map((name) => `${name}_FILE`));
  return { ...Object.fromEntries(Object.entries(given).filter(([name]) => !files.has(name))), ...values, DEMO: demo ? 'on' : 'off' };
}
