import { expect, it } from '@jest/globals';
import { servicesEnv } from './servicesEnv.ts';

const servers = { mongoUrl: 'mongodb://m', amqpUrl: 'amqp://r' };

it('tells each value once, whether it was given itself or by a file', () => {
  const given = {
    PATH: '/bin', MONGO_URL: '', MONGO_URL_FILE: '/s/mongo', AMQP_URL_FILE: '/s/amqp', SECRET_TSM_KEY_FILE: '/s/tsm', PLAYBACK_API_KEY_FILE: '/s/playback',
    SECRET_OTHER_FILE: '/s/other', ADMIN_KEY_FILE: '/s/admin',
  };
  expect(servicesEnv({ given, ...servers, demo: true, demoSecret: 'from a file' })).toEqual({
    PATH: '/bin', MONGO_URL: 'mongodb://m', AMQP_URL: 'amqp://r', SECRET_TSM_KEY: 'from a file', PLAYBACK_API_KEY: 'from a file', DEMO: 'on', SECRET_OTHER_FILE: '/s/other', ADMIN_KEY_FILE: '/s/admin',
  });
});

it('leaves the secret of the auction job to its file where there is no demo', () => {
  expect(servicesEnv({ given: { SECRET_TSM_KEY_FILE: '/s/tsm' }, ...servers, demo: false })).toEqual({
    MONGO_URL: 'mongodb://m', AMQP_URL: 'amqp://r', DEMO: 'off', SECRET_TSM_KEY_FILE: '/s/tsm',
  });
});
