import type { Duplex } from 'node:stream';

/**
 * Sends what is written to a socket within one turn of the event loop at once. amqplib writes each message on its own,
 * and at thousands a second the system calls for that are half of what publishing costs; nothing waits longer than the turn.
 */
export function gatherWrites(socket: Duplex): void {
  const { write } = socket;
  let gathering = false;
  Object.assign(socket, {
    write: (...args: unknown[]): boolean => {
      if (!gathering) {
        gathering = true;
        socket.cork();
        process.nextTick(() => {
          gathering = false;
          socket.uncork();
        });
      }
      return Reflect.apply(write, socket, args) as boolean;
    },
  });
}
