// Exits 0 where the service in this container says that it is ready, that is, that broker and database answer it.
import { get } from 'node:http';

get({ host: '127.0.0.1', port: process.env.HEALTH_PORT ?? 9000, path: '/health/ready', timeout: 4000 }, (answer) => {
  answer.resume();
  process.exit(answer.statusCode === 200 ? 0 : 1);
}).on('timeout', () => process.exit(1)).on('error', () => process.exit(1));
