import { once } from 'node:events';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { startHttp } from './startHttp.ts';

describe('a request that does not come whole in time', () => {
  it.each([['its head', 'POST / HTTP/1.1\r\nhost:'], ['its body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf']])('for want of %s is told so as a problem', async (_part, said) => {
    const server = await startHttp({ handler: (request) => request.resume(), host: '127.0.0.1', port: 0, requestMs: 100, checkMs: 20 });
    try {
      const socket = createConnection(server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(said);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\ncontent-type: application\/problem\+json\r\n/);
      expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ status: 408, code: 'request_timeout', detail: expect.stringContaining('0.1 s') });
    } finally {
      await server.close({ deadlineMs: 100 });
    }
  });
});
