import { describe, expect, it } from '@jest/globals';
import { until } from '../../test/support/until.ts';
import type { ProvidedServer } from './providedServer.ts';
import { watchServer } from './watchServer.ts';

function serverThat(url: string): ProvidedServer & { alive: boolean; stopped: boolean } {
  const server = {
    url, how: 'started', ports: {}, alive: true, stopped: false,
    lives: () => server.alive,
    stop: async () => { server.stopped = true; },
  };
  return server;
}

describe('watchServer', () => {
  it('starts a server again that has ended, says so, and stops the new one', async () => {
    const said: string[] = [];
    const first = serverThat('mongodb://a');
    const second = serverThat('mongodb://a');
    const watched = watchServer({ name: 'mongod', server: first, say: (line) => said.push(line), again: async () => second, every: 5 });
    try {
      first.alive = false;
      await until(() => watched.lives());
      expect(said).toEqual(['mongod has ended; starting it again']);
    } finally {
      await watched.stop();
    }
    expect([first.stopped, second.stopped]).toEqual([false, true]);
  });

  it('says what stands in the way, and goes on trying', async () => {
    const said: string[] = [];
    const first = serverThat('mongodb://a');
    const second = serverThat('mongodb://b');
    let tries = 0;
    const again = async (): Promise<ProvidedServer> => {
      tries += 1;
      if (tries === 1) throw new Error('disk full');
      return second;
    };
    const watched = watchServer({ name: 'mongod', server: first, say: (line) => said.push(line), again, every: 5 });
    try {
      first.alive = false;
      await until(() => watched.lives());
      expect(said).toEqual([
        'mongod has ended; starting it again', 'mongod could not be started again: disk full',
        'mongod has ended; starting it again', 'mongod had to move to another port: stop Gleaner and start it again',
      ]);
    } finally {
      await watched.stop();
    }
  });
});
