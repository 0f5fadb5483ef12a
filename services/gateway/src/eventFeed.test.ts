import { describe, expect, it } from '@jest/globals';
import { createEventFeed, type FeedEvent } from './eventFeed.ts';

const event = (run: string) => ({ kind: 'run', run, job: 'j', state: 'due', rev: 1, at: '2026-11-20T00:00:00.000Z' }) as const;

function listening(): { heard: string[]; ids: string[]; onEvent: (fed: FeedEvent) => void; onGap: () => void } {
  const heard: string[] = [];
  const ids: string[] = [];
  return { heard, ids, onEvent: ({ id, event: fed }) => { ids.push(id); heard.push(fed.kind === 'run' ? fed.run : fed.kind); }, onGap: () => void heard.push('gap') };
}

describe('the event feed', () => {
  it('brings events to who listens, until they stop', () => {
    const feed = createEventFeed({ epoch: 'a' });
    const one = listening();
    const stop = feed.listen(one);
    feed.push(event('1'));
    stop();
    feed.push(event('2'));
    expect([one.heard, feed.listeners]).toEqual([['1'], 0]);
  });

  it('goes on where a listener left, and says where it cannot', () => {
    const feed = createEventFeed({ epoch: 'a', size: 3 });
    const first = listening();
    feed.listen(first);
    for (const run of ['1', '2', '3', '4', '5']) feed.push(event(run));
    const after = (id: string | undefined): string[] => {
      const again = listening();
      feed.listen(again, id)();
      return again.heard;
    };
    expect(after(first.ids[4])).toEqual([]);
    expect(after(first.ids[2])).toEqual(['4', '5']);
    expect(after(first.ids[1])).toEqual(['3', '4', '5']);
    expect(after(first.ids[0])).toEqual(['gap', '3', '4', '5']);
    expect(after('another-4')).toEqual(['gap', '3', '4', '5']);
    expect(after('a-99')).toEqual(['gap']);
    expect(after('nonsense')).toEqual(['gap', '3', '4', '5']);
    expect(after(undefined)).toEqual([]);
  });

  it('tells a gap to those that listen and to those that come back over it', () => {
    const feed = createEventFeed({ epoch: 'a' });
    const one = listening();
    feed.listen(one);
    feed.push(event('1'));
    feed.push(event('2'));
    feed.gap();
    feed.push(event('3'));
    expect(one.heard).toEqual(['1', '2', 'gap', '3']);
    const over = listening();
    feed.listen(over, one.ids[0]);
    expect(over.heard).toEqual(['gap', '2', '3']);
    const before = listening();
    feed.listen(before, one.ids[1]); // it left with the newest event, and the gap came after that
    expect(before.heard).toEqual(['gap', '3']);
    const behind = listening();
    feed.listen(behind, one.ids[2]);
    expect(behind.heard).toEqual([]);
    feed.gap();
    const at = feed.position;
    const since = listening();
    feed.listen(since, at);
    expect(since.heard).toEqual([]);
    feed.push(event('4'));
    const later = listening();
    feed.listen(later, at);
    expect(later.heard).toEqual(['4']);
  });
});
