import { once } from 'node:events';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { startHttp } from './startHttp.ts';

/** What the server answers to these bytes, until it closes the connection. */
async function say(port: number, bytes: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  return await text(socket);
}
const problemIn = (answer: string): unknown => JSON.parse(answer.slice(answer.indexOf('{')));

it('an address may hold a thousand keys; a head that is too large is told so, by the status that the problem names', async () => {
  const server = await startHttp({ handler: (request, response) => response.end(String(request.url?.length)), host: '127.0.0.1', port: 0 });
  try {
    const address = `/?${Array.from({ length: 1_000 }, (_, n) => `key=${String(n).padStart(100, '0')}`).join('&')}`;
    expect(await say(server.port, `GET ${address} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toMatch(new RegExp(`^HTTP/1\\.1 200 [^]*\r\n${address.length}$`));
    const answer = await say(server.port, `GET / HTTP/1.1\r\nhost: x\r\nx-large: ${'x'.repeat(200_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    expect(problemIn(answer)).toMatchObject({ status: 431, code: 'headers_too_large' });
  } finally {
    await server.close({ deadlineMs: 100 });
  }
});

describe('a request that does not come whole in time', () => {
  it.each([['its head', 'POST / HTTP/1.1\r\nhost:'], ['its body', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf']])('for want of %s is told so as a problem', async (_part, said) => {
    const server = await startHttp({ handler: (request) => request.resume(), host: '127.0.0.1', port: 0, requestMs: 100, checkMs: 20 });
    try {
      const answer = await say(server.port, said);
      expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\ncontent-type: application\/problem\+json\r\n/);
      expect(problemIn(answer)).toMatchObject({ status: 408, code: 'request_timeout', detail: expect.stringContaining('0.1 s') });
    } finally {
      await server.close({ deadlineMs: 100 });
    }
  });
});
