import { createServer } from 'node:net';

/** A port of 127.0.0.1 that is free now: `preferred` where it is, else one that the system chooses. */
export async function freePort(preferred = 0): Promise<number> {
  try {
    return await listenOnce(preferred);
  } catch (error) {
    if (preferred === 0) throw error;
    return await listenOnce(0); // somebody else has the one we used last time
  }
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
