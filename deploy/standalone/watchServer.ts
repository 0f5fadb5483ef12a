import type { ProvidedServer } from './providedServer.ts';

const LOOK_EVERY_MS = 2_000;

/**
 * Keeps a server of ours running: when it has ended by itself, `again` starts it over the same data and `say` says so.
 * A server that somebody else runs is only handed through.
 */
export function watchServer({ name, server, say, again, every = LOOK_EVERY_MS }: {
  name: string; server: ProvidedServer; say: (line: string) => void; again: () => Promise<ProvidedServer>; every?: number;
}): ProvidedServer {
  let current = server;
  let reviving: Promise<void> | undefined;
  let stopped = false;
  const revive = async (): Promise<void> => {
    say(`${name} has ended; starting it again`);
    try {
      current = await again();
      if (current.url !== server.url) say(`${name} had to move to another port: stop Gleaner and start it again`);
    } catch (error) {
      say(`${name} could not be started again: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const timer = setInterval(() => {
    if (stopped || reviving !== undefined || current.lives()) return;
    reviving = revive().finally(() => { reviving = undefined; });
  }, every);
  return {
    ...server,
    lives: () => current.lives(),
    async stop(options) {
      stopped = true;
      clearInterval(timer);
      await reviving;
      await current.stop(options);
    },
  };
}
