import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Nothing passes any more, in either direction, and nobody is told: as when a cable is pulled. */
  cut(): void;
  /** Everything passes again; what waited comes first. */
  mend(): void;
}

/** Runs `fn` with a proxy in front of a local port, and closes it with its connections afterwards. */
export async function withTcpProxy<T>(to: { readonly host: string; readonly port: number }, fn: (proxy: TcpProxy) => Promise<T>): Promise<T> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(to);
    for (const [from, into] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      if (isCut) from.pause();
      from.on('data', (data) => { into.write(data); });
      from.on('error', () => { into.destroy(); });
      from.on('close', () => { sockets.delete(from); into.destroy(); });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  try {
    return await fn({
      port: typeof address === 'object' && address !== null ? address.port : 0,
      cut: () => { isCut = true; for (const socket of sockets) socket.pause(); },
      mend: () => { isCut = false; for (const socket of sockets) socket.resume(); },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => { server.close(() => { resolve(); }); });
  }
}
