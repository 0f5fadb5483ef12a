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
    [{ headers: { 'x-a': 'naïve {{ params.жаба }}' }, auth: { header: { name: 'X-Key', value: '{{ secret.K }}' } } }],
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
    [{ headers: { 'If-None-Match': '"x"' } }, 'source.http.headers.If-None-Match', 'bad_header', /itself/],
    [{ headers: { 'if-modified-since': '{{ params.x }}' } }, 'source.http.headers.if-modified-since', 'bad_header', /itself/],
    [{ headers: { 'x-city': 'Київ' } }, 'source.http.headers.x-city', 'bad_header', /8859-1/],
    [{ headers: { 'x-a': 'a\nb' } }, 'source.http.headers.x-a', 'bad_header', /line breaks/],
    [{ headers: { 'X Key': 'a' } }, 'source.http.headers.X Key', 'bad_header', /header name; saw "X Key"/],
    [{ auth: { header: { name: 'X Key', value: 'a' } } }, 'source.http.auth.header', 'bad_header', /header name; saw "X Key"/],
    [{ auth: { bearer: 'жаба' } }, 'source.http.auth.bearer', 'bad_header', /8859-1/],
    [{ paginate: { next: { path: 'a..b' } } }, 'source.http.paginate.next.path', 'bad_path', /empty name/],
    [{ paginate: { cursor: { path: '.', param: 'c' } } }, 'source.http.paginate.cursor.path', 'bad_path', /empty name/],
  ])('refuses %j', (http, path, code, message) => {
    expect(faultsOf(http)).toEqual([{ path, code, message: expect.stringMatching(message) }]);
  });
});
