import { failureClasses } from '@gleaner/contracts';
import type { FailureClass } from '@gleaner/contracts';
import { describe, expect, it } from '@jest/globals';
import { classifyNetworkError } from './classifyNetworkError.ts';
import { classifyStatus } from './classifyStatus.ts';
import { failureOf } from './failureOf.ts';
import { retryAfterMs } from './retryAfterMs.ts';

describe('the class of a failure', () => {
  it.each<[number, FailureClass | undefined]>([
    [200, undefined], [201, undefined], [206, undefined], [100, 'bad_body'], [300, 'bad_body'], [304, 'bad_body'], [400, 'http_4xx'], [401, 'http_4xx'], [404, 'http_4xx'], [408, 'timeout'], [409, 'http_4xx'], [410, 'http_4xx'], [418, 'http_4xx'], [425, 'timeout'], [429, 'rate_limited'], [451, 'http_4xx'],
    [500, 'http_5xx'], [501, 'http_5xx'], [502, 'http_5xx'], [503, 'http_5xx'], [504, 'http_5xx'], [520, 'http_5xx'],
  ])('by status %i: %s', (status, failure) => {
    expect(classifyStatus(status)).toBe(failure);
  });

  it.each<[string | undefined, FailureClass]>([
    ['ECONNREFUSED', 'network'], ['ECONNRESET', 'network'], ['ENOTFOUND', 'network'], ['EAI_AGAIN', 'network'], ['EPIPE', 'network'], ['EHOSTUNREACH', 'network'], ['HPE_INVALID_CONSTANT', 'network'], ['ERR_STREAM_PREMATURE_CLOSE', 'network'], ['SOMETHING_NEW', 'network'], [undefined, 'network'],
    ['ETIMEDOUT', 'timeout'], ['ESOCKETTIMEDOUT', 'timeout'],
    ['CERT_HAS_EXPIRED', 'tls'], ['CERT_NOT_YET_VALID', 'tls'], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'], ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'], ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'], ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls'], ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'], ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'], ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls'], ['EPROTO', 'tls'],
    ['Z_DATA_ERROR', 'bad_body'], ['Z_BUF_ERROR', 'bad_body'], ['ERR__ERROR_FORMAT_PADDING_1', 'bad_body'], ['ERR_BROTLI_DECODER', 'bad_body'], ['ZSTD_error_corruption_detected', 'bad_body'],
  ])('by code %s: %s', (code, failure) => {
    expect(classifyNetworkError(code)).toBe(failure);
  });

  it('is the answer where it was too much for the stack, and the network where nothing is known', () => {
    expect(failureOf(new Error('got', { cause: new RangeError('Maximum call stack size exceeded') }), undefined)).toMatchObject({ class: 'bad_body', message: expect.stringContaining('call stack') });
    expect(failureOf(Object.assign(new RangeError('port'), { code: 'ERR_SOCKET_BAD_PORT' }), undefined)).toMatchObject({ class: 'network' });
    expect(failureOf(new Error('what'), undefined)).toMatchObject({ class: 'network' });
  });

  it('decides whether another try follows', () => {
    const kinds = Object.groupBy(Object.keys(failureClasses) as FailureClass[], (failure) => failureClasses[failure]);
    expect(kinds).toEqual({
      retryable: ['network', 'timeout', 'tls', 'rate_limited', 'http_5xx', 'stale_validators', 'aborted'],
      permanent: ['http_4xx', 'bad_body', 'missing_key', 'too_large', 'item_too_large', 'blocked_address', 'origin_not_allowed', 'bad_template', 'task_error', 'deadline'],
      own: ['lost', 'snapshot_too_large', 'store', 'broker', 'unreadable'],
    });
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 10, 21, 5, 20, 0);
  it.each<[string | undefined, number | undefined]>([
    ['120', 120_000], [' 0 ', 0], ['1.5', 1_500], ['Sat, 21 Nov 2026 05:21:00 GMT', 60_000], ['Saturday, 21-Nov-26 05:21:00 GMT', 60_000], ['2026-11-21T05:21:00Z', 60_000], ['999999999', 86_400_000], ['Sun, 21 Nov 2027 05:20:00 GMT', 86_400_000],
    [undefined, undefined], ['', undefined], ['soon', undefined], ['-5s', undefined], ['-5', undefined], ['soon 5', undefined], ['5 minutes', undefined], ['2026', 2_026_000], ['1e3', undefined], ['Sat, 21 Nov 2026 05:00:00 GMT', undefined], ['Sat, 99 Nov 2026 05:21:00 GMT', undefined],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
