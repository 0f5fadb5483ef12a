import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';

/** Runs `fn` with an HTTP server on a free port of 127.0.0.1 that answers by `handler`, and closes it with its connections afterwards. */
export async function withServer<T>(handler: RequestListener, fn: (server: { url: string; port: number }) => T | Promise<T>): Promise<T> {
  const server = createServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    return await fn({ url: `http://127.0.0.1:${port}`, port });
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  }
}
