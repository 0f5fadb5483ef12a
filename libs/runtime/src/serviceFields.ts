import { choice, integer, string, url } from './envFields.ts';
import { logLevels } from './logger.ts';

/** What several services take from their environment, each under the same name with the same limits; a service picks what it needs. */
export const serviceFields = {
  amqpUrl: url('AMQP_URL', { protocols: ['amqp:', 'amqps:'] }),
  mongoUrl: url('MONGO_URL', { protocols: ['mongodb:', 'mongodb+srv:'] }),
  logLevel: choice('LOG_LEVEL', logLevels, { default: 'info' }),
  /** Where health and metrics are served; containers need 0.0.0.0. */
  healthHost: string('HEALTH_HOST', { default: '127.0.0.1' }),
  /** 0 = a free one. */
  healthPort: integer('HEALTH_PORT', { default: 0, min: 0, max: 65_535 }),
} as const;
