import { describe, expect, it } from '@jest/globals';
import { createAbortGroups } from './abortGroups.ts';

describe('createAbortGroups', () => {
  it('tells each member of an aborted signal why, once, and nobody who has left or belongs to another', () => {
    const told: string[] = [];
    const groups = createAbortGroups<string>((member, reason) => {
      told.push(`${member}: ${String(reason)}`);
      groups.leave(first.signal, member); // as a message that ends does
    });
    const [first, second] = [new AbortController(), new AbortController()];
    for (const member of ['a', 'b', 'c']) groups.join(first.signal, member);
    groups.join(second.signal, 'd');
    groups.leave(first.signal, 'b');
    first.abort('stop');
    expect(told).toEqual(['a: stop', 'c: stop']);
    second.abort('end');
    expect(told).toEqual(['a: stop', 'c: stop', 'd: end']);
  });

  it('listens anew for who joins after all have left', () => {
    const told: string[] = [];
    const groups = createAbortGroups<string>((member) => told.push(member));
    const { signal, abort } = (() => { const controller = new AbortController(); return { signal: controller.signal, abort: () => controller.abort() }; })();
    groups.join(signal, 'a');
    groups.leave(signal, 'a');
    groups.join(signal, 'b');
    abort();
    expect(told).toEqual(['b']);
  });
});
