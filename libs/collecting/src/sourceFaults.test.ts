import { jobDefinitionSchema } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { sourceFaults } from './sourceFaults.ts';

const faultsOf = (http: object) => sourceFaults(jobDefinitionSchema.parse({ source: { http: { url: 'https://a.example/', ...http } }, key: 'id' }).source);

describe('what is wrong with a source', () => {
  it.each([
    [{}],
    [{ url: 'https://a.example:8443/{{ params.path }}?q={{ fire.at | yyyy-MM-dd }}', query: { a: '{{ now - 1d | unix }}', b: '{{ fire.at + 90m | HH:mm Europe/Kyiv }}', c: '{{secret.KEY}}' } }],
    [{ query: { s: '{{ each }}' }, forEach: { list: ['a'] } }],
    [{ method: 'POST', body: { deep: [{ item: '{{ trigger.item.name }}' }], n: 5, none: null }, headers: { 'x-run': '{{ trigger.run }}' } }],
    [{ auth: { oauth2: { tokenUrl: 'https://a.example/token', clientId: 'x', clientSecret: '{{ secret.S }}', scope: 'read' } }, paginate: { next: { path: 'paging.next' } } }],
    [{ body: 'a text with {braces} and { { spaces } }', paginate: { cursor: { path: 'a.b', param: 'c' } } }],
  ])('takes %j', (http) => {
    expect(faultsOf(http)).toEqual([]);
  });

  it.each<[object, string, string, RegExp]>([
    [{ url: 'https://a{{ params.x }}.example/' }, 'source.http.url', 'templated_origin', /without a template/],
    [{ url: 'https://a.example:99999/' }, 'source.http.url', 'bad_url', /expected a URL/],
    [{ url: 'https://a.example/{{ env.HOME }}' }, 'source.http.url', 'bad_template', /expected params.x.*saw \{\{ env.HOME \}\}/],
    [{ query: { a: 'x {{ nonsense }}' } }, 'source.http.query.a', 'bad_template', /nonsense/],
    [{ headers: { 'x-a': '{{ secret.K-1 }}' } }, 'source.http.headers.x-a', 'bad_template', /secret.NAME/],
    [{ query: { a: '{{ fire.at | nonsense }}' } }, 'source.http.query.a', 'bad_template', /pattern/],
    [{ query: { a: '{{ now | HH Nowhere/City }}' } }, 'source.http.query.a', 'bad_template', /zone/],
    [{ query: { a: '{{ fire.at + soon }}' } }, 'source.http.query.a', 'bad_template', /duration/],
    [{ query: { a: '{{ each }}' } }, 'source.http.query.a', 'bad_template', /forEach/],
    [{ method: 'POST', body: { deep: ['x', '{{ params }}'] } }, 'source.http.body.deep.1', 'bad_template', /params/],
    [{ method: 'POST', body: 'a={{ }}' }, 'source.http.body', 'bad_template', /expected/],
    [{ auth: { basic: { user: 'u', password: '{{ password }}' } } }, 'source.http.auth.basic.password', 'bad_template', /password/],
    [{ auth: { oauth2: { tokenUrl: 'https://a.example/t', clientId: '{{ params.id }}', clientSecret: 's' } } }, 'source.http.auth.oauth2.clientId', 'bad_template', /secrets alone/],
    [{ paginate: { next: { path: 'a..b' } } }, 'source.http.paginate.next.path', 'bad_path', /empty name/],
    [{ paginate: { cursor: { path: '.', param: 'c' } } }, 'source.http.paginate.cursor.path', 'bad_path', /empty name/],
  ])('refuses %j', (http, path, code, message) => {
    expect(faultsOf(http)).toEqual([{ path, code, message: expect.stringMatching(message) }]);
  });
});
