import { describe, expect, it } from '@jest/globals';
import { nextLinkOf } from './nextLinkOf.ts';

describe('the next link of a header', () => {
  it.each<[string, string | undefined]>([
    ['<https://a.example/?page=2>; rel="next"', 'https://a.example/?page=2'], ['<?p=2>;rel=next', '?p=2'], ["<?p=2>; rel='next'", '?p=2'], ["<?p=2>; rel='prev next'", '?p=2'], ['<?p=2>; REL = Next', '?p=2'], ['<?p=2>; foo; rel=next', '?p=2'], ['<?p=2>;; rel=next;', '?p=2'],
    ['<?p=2>; title="a, <b>; rel=next \\" c"; rel="last next"', '?p=2'], ['<?p=1>; rel=prev, <?p=3>; rel=next', '?p=3'], ['<?p=1>; rel=prev,<?p=3>;x=y;rel=next', '?p=3'], [' < ?p=2 >; rel=next', '?p=2'], ["<?p=2>; title*=UTF-8'de'n%c3%a4chst; rel=next", '?p=2'],
    ['<?a=1,2;b>; rel=next', '?a=1,2;b'], ['<?p=1>; rel=prev; rel=next, <?p=3>; rel=next', '?p=3'], [`<?p=2>${'; '.repeat(4_000)}x; rel=next`, '?p=2'],
    ['<?p=1>; rel=prev', undefined], ['<?p=1>; title="rel=next"', undefined], ['<?p=1>; rel="nextish"', undefined], ['<?p=1>; xrel=next', undefined], ['', undefined], ['nonsense', undefined], ['<?p=2', undefined],
  ])('%s: %s', (header, target) => {
    expect(nextLinkOf(header)).toBe(target);
  });

  it('is none where there is no header', () => {
    expect(nextLinkOf(undefined)).toBeUndefined();
  });
});
