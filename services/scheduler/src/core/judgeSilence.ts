/**
 * What to think of a running attempt that has been silent for `lostAfterMs`. It is lost only once storage has handled a probe
 * that was sent after the silence: then whatever the attempt had sent before has been handled too, so a slow storage loses nobody.
 * A probe that is not handled within the same time again is sent anew: the broker's volume may be gone.
 */
export function judgeSilence({ lastSign, probe, now, lostAfterMs }: {
  readonly lastSign: number;
  readonly probe: { readonly at: Date; readonly handledAt?: Date } | undefined;
  readonly now: number;
  readonly lostAfterMs: number;
}): 'wait' | 'probe' | 'lost' {
  if (now < lastSign + lostAfterMs) return 'wait';
  if (probe === undefined || probe.at.getTime() < lastSign + lostAfterMs) return 'probe';
  if (probe.handledAt !== undefined) return 'lost';
  return now >= probe.at.getTime() + lostAfterMs ? 'probe' : 'wait';
}
