import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what systems give to outgoing connections (Linux: 32,768 up; others higher): one of those could have the port while a server that uses it is down for a moment. */
const range = [20_000, 25_000] as const;
const looks = 20;

/** A port of 127.0.0.1 that is free now: `preferred` where it is, else one from 20,000 to 24,999; should those looked at be taken, one that the system chooses. */
export async function freePort(preferred = 0): Promise<number> {
  const candidates = [...(preferred === 0 ? [] : [preferred]), ...Array.from({ length: looks }, () => randomInt(...range))];
  for (const port of candidates) if (!await portTaken(port)) return port;
  return await listenOnce(0);
}

/** Whether somebody listens on this port of 127.0.0.1, or it may not be used. */
export async function portTaken(port: number): Promise<boolean> {
  return await listenOnce(port).then(() => false, () => true);
}

async function listenOnce(port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => { resolve(typeof address === 'object' && address !== null ? address.port : port); });
    });
  });
}
