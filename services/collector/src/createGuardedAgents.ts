import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { Agent as HttpAgent } from 'node:http';
import type { AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import type { LookupFunction, Socket } from 'node:net';
import type { AllowedNetwork } from '@gleaner/runtime';
import { AttemptFailure } from './core/AttemptFailure.ts';
import { refusalOf } from './core/refusalOf.ts';

export type Lookup = (hostname: string, options: LookupAllOptions, callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void;

/** Connections that can only reach addresses which may be reached. */
export interface GuardedAgents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** Rejects with `blocked_address` where a url leads to a refused address; a name that has none is left to the connection. Rejects with the signal's reason where a name server takes too long. */
  assertReachable(url: URL, signal: AbortSignal): Promise<void>;
  /** Ends every idle connection. */
  close(): void;
}

/**
 * Makes the agents that every request to the outside goes through. Names are resolved once, here, and the addresses that they give are the ones
 * connected to, so that no second answer of a name server can lead elsewhere; the connected socket is checked again before a byte is sent.
 */
export function createGuardedAgents({ allowNetworks, lookup = systemLookup }: { readonly allowNetworks: readonly AllowedNetwork[]; readonly lookup?: Lookup }): GuardedAgents {
  const blocked = (host: string, reason: string): AttemptFailure =>
    new AttemptFailure('blocked_address', `expected a public address, or one in ALLOW_NETWORKS; ${host} leads to ${reason}`);

  const resolve = (hostname: string, port: number, callback: (error: Error | null, addresses: LookupAddress[]) => void, family = 0): void =>
    lookup(hostname, { all: true, family }, (error, addresses) => {
      if (error) {
        callback(error, []);
        return;
      }
      const reasons = addresses.map(({ address }) => refusalOf(address, port, allowNetworks));
      const reachable = addresses.filter((_address, index) => reasons[index] === undefined);
      const [reason] = reasons;
      if (reachable.length === 0 && reason !== undefined) callback(blocked(hostname, reason), []);
      else callback(null, reachable);
    });

  const lookupFor = (port: number): LookupFunction => (hostname, options, callback) => {
    const family = options.family === 4 || options.family === 'IPv4' ? 4 : options.family === 6 || options.family === 'IPv6' ? 6 : 0;
    resolve(hostname, port, (error, addresses) => {
      const [first] = addresses;
      if (error) callback(error, '', 0);
      else if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family ?? 0);
    }, family);
  };

  const guard = (socket: Socket, host: string, port: number): Socket => {
    // Registered before the request is written: a destroyed socket sends nothing.
    socket.once('connect', () => {
      const address = socket.remoteAddress;
      const reason = address === undefined ? 'an unknown address' : refusalOf(address, port, allowNetworks);
      if (reason !== undefined) socket.destroy(blocked(host, reason));
    });
    return socket;
  };

  const options: AgentOptions = { keepAlive: true, keepAliveMsecs: 10_000, maxSockets: 64, maxFreeSockets: 16, timeout: 60_000, scheduling: 'lifo' };
  class GuardedHttpAgent extends HttpAgent {
    override createConnection(...[connection, done]: Parameters<HttpAgent['createConnection']>): ReturnType<HttpAgent['createConnection']> {
      const port = Number(connection.port ?? 80);
      const socket = super.createConnection({ ...connection, lookup: lookupFor(port) }, done);
      return socket && guard(socket as Socket, String(connection.host), port);
    }
  }
  class GuardedHttpsAgent extends HttpsAgent {
    override createConnection(...[connection, done]: Parameters<HttpsAgent['createConnection']>): ReturnType<HttpsAgent['createConnection']> {
      const port = Number(connection.port ?? 443);
      const socket = super.createConnection({ ...connection, lookup: lookupFor(port) }, done);
      return socket && guard(socket as Socket, String(connection.host), port);
    }
  }
  const http = new GuardedHttpAgent(options);
  const https = new GuardedHttpsAgent(options);

  return {
    http,
    https,
    async assertReachable(url, signal) {
      const host = url.hostname.replace(/^\[|\]$/g, '');
      const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
      if (isIP(host) !== 0) {
        const reason = refusalOf(host, port, allowNetworks);
        if (reason !== undefined) throw blocked(url.host, reason);
        return;
      }
      signal.throwIfAborted();
      const settled = new AbortController();
      try {
        await new Promise<void>((done, fail) => {
          signal.addEventListener('abort', () => fail(signal.reason as Error), { signal: settled.signal });
          resolve(host, port, (problem) => (problem instanceof AttemptFailure ? fail(problem) : done()));
        });
      } finally {
        settled.abort();
      }
    },
    close() {
      http.destroy();
      https.destroy();
    },
  };
}
