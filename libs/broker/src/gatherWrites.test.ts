import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { gatherWrites } from './gatherWrites.ts';

/** A socket that keeps what each system call would have sent. */
function recordingSocket() {
  const calls: string[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, sent) => { calls.push(chunk.toString()); sent(); },
    writev: (chunks, sent) => { calls.push(chunks.map(({ chunk }) => (chunk as Buffer).toString()).join('')); sent(); },
  });
  gatherWrites(socket);
  return { socket, calls };
}

describe('gatherWrites', () => {
  it('sends what one turn writes in one call, in order, and the next turn’s in another', async () => {
    const { socket, calls } = recordingSocket();
    for (const text of ['a', 'b', 'c']) socket.write(text);
    expect(calls).toEqual([]);
    await new Promise(setImmediate);
    socket.write('d');
    socket.write('e');
    await new Promise(setImmediate);
    expect(calls).toEqual(['abc', 'de']);
  });

  it('still says when its buffer is full, and when it has drained', async () => {
    const { socket } = recordingSocket();
    expect(socket.write('small')).toBe(true);
    expect(socket.write(Buffer.alloc(socket.writableHighWaterMark))).toBe(false);
    await once(socket, 'drain');
  });

  it('loses nothing that was written just before the end', async () => {
    const { socket, calls } = recordingSocket();
    socket.write('a');
    socket.end('b');
    await once(socket, 'finish');
    expect(calls.join('')).toBe('ab');
  });
});
