/**
 * Names of our own headers. None begins with `x-`: those belong to the broker, differ between its versions and are stripped from every copy.
 * `attempt` counts the deliveries that were tried before this one; the others tell where a message came from and why it died.
 */
export const messageHeaders = {
  attempt: 'attempt',
  reason: 'reason',
  class: 'class',
  details: 'details',
  sourceQueue: 'source-queue',
  firstSeenAt: 'first-seen-at',
  deadAt: 'dead-at',
  exchange: 'origin-exchange',
  routingKey: 'origin-routing-key',
  headersDropped: 'headers-dropped',
} as const;
