/** What is to be done about a failure of a class: try again later, give up at once, or it is the service's own doing. */
export type FailureKind = 'retryable' | 'permanent' | 'own';

/**
 * The table of failure classes. `http_4xx` stands for every 4xx that is not 408, 425 or 429:
 * 408 and 425 are classed `timeout`, 429 is `rate_limited`.
 */
export const failureClasses = {
  network: 'retryable',
  timeout: 'retryable',
  tls: 'retryable',
  rate_limited: 'retryable',
  http_5xx: 'retryable',
  http_4xx: 'permanent',
  bad_body: 'permanent',
  missing_key: 'permanent',
  too_large: 'permanent',
  item_too_large: 'permanent',
  blocked_address: 'permanent',
  origin_not_allowed: 'permanent',
  bad_template: 'permanent',
  task_error: 'permanent',
  deadline: 'permanent',
  stale_validators: 'retryable',
  /** Given up because the run had ended; it counts only where the run has not. */
  aborted: 'retryable',
  lost: 'own',
  snapshot_too_large: 'own',
  store: 'own',
  broker: 'own',
  unreadable: 'own',
} as const satisfies Record<string, FailureKind>;
export type FailureClass = keyof typeof failureClasses;

/** True where another try may help; unknown classes (a newer collector) count as permanent so that nothing loops. */
export const isRetryable = (failure: string): boolean => failureClasses[failure as FailureClass] === 'retryable';

/** What is kept of a failed answer: enough to understand it, never a secret. */
export interface Evidence {
  readonly url?: string;
  readonly method?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** First 4 KiB of the body as text. */
  readonly body?: string;
  readonly bodyBytes?: number;
  readonly durationMs?: number;
}
