/**
 * What went wrong with the broker, by effect:
 * `unroutable` no queue takes it · `nacked` the broker refused to keep it · `confirm_timeout` sent but never confirmed ·
 * `connection_lost` not connected until the deadline · `blocked` the broker was out of memory or disk until the deadline ·
 * `closed` we are closing · `aborted` the caller's signal · `too_large` body or headers beyond what the broker takes ·
 * `refused` the broker closed the channel because of this message · `no_reply` nobody answered a request in time · `remote_error` the answering side failed ·
 * `unreachable` no broker at this address · `access_refused` user, password or permission · `no_such_vhost` ·
 * `topology_mismatch` a queue or exchange exists with other arguments · `bad_body` a body that is no JSON.
 */
export type BrokerErrorCode =
  | 'unroutable'
  | 'nacked'
  | 'confirm_timeout'
  | 'connection_lost'
  | 'blocked'
  | 'closed'
  | 'aborted'
  | 'too_large'
  | 'refused'
  | 'no_reply'
  | 'remote_error'
  | 'unreachable'
  | 'access_refused'
  | 'no_such_vhost'
  | 'topology_mismatch'
  | 'bad_body';

/** Any failure that libs/broker reports; branch on `code`. A publish that failed may still have been stored: publish the same id again. */
export class BrokerError extends Error {
  readonly code: BrokerErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(code: BrokerErrorCode, message: string, options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'BrokerError';
    this.code = code;
    this.details = options.details ?? {};
  }
}
