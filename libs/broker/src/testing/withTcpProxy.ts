import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A hop between client and broker that can fall silent without closing anything. */
export interface TcpProxy {
  readonly url: string;
  /** From now on nothing comes back from the broker on the connections that stand; what is sent still arrives. New connections work. */
  swallowAnswers(): void;
  /** From now on nothing passes in either direction, new connections included. */
  blackHole(): void;
  /** New connections pass again; those that were cut off stay so. */
  heal(): void;
}

/** Runs `fn` with a proxy before the broker of `url`; every socket is ended afterwards. */
export async function withTcpProxy<T>(url: string, fn: (proxy: TcpProxy) => Promise<T>): Promise<T> {
  const { hostname, port: brokerPort } = new URL(url);
  const pairs = new Set<{ client: Socket; upstream: Socket; mute: boolean; dead: boolean }>();
  let dark = false;
  const server = createServer((client) => {
    const upstream = connect(Number(brokerPort), hostname);
    const pair = { client, upstream, mute: false, dead: dark };
    pairs.add(pair);
    client.on('data', (bytes) => void (pair.dead || upstream.write(bytes)));
    upstream.on('data', (bytes) => void (pair.dead || pair.mute || client.write(bytes)));
    for (const [one, other] of [[client, upstream], [upstream, client]] as const) {
      one.on('error', () => undefined); // the end of either side follows
      one.on('close', () => {
        if (!pair.dead && !pair.mute) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const own = new URL(url);
  own.port = String(port);
  try {
    return await fn({
      url: own.toString(),
      swallowAnswers: () => pairs.forEach((pair) => (pair.mute = true)),
      blackHole: () => {
        dark = true;
        pairs.forEach((pair) => (pair.dead = true));
      },
      heal: () => {
        dark = false;
      },
    });
  } finally {
    for (const { client, upstream } of pairs) {
      client.destroy();
      upstream.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
  }
}
