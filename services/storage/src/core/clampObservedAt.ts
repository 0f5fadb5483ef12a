/** The moment of a snapshot: the collector's clock, but never before its try was queued nor after now by the database: one wrong clock freezes nothing. */
export function clampObservedAt({ observedAt, queuedAt, now }: { readonly observedAt: Date; readonly queuedAt: Date; readonly now: Date }): Date {
  const latest = Math.max(now.getTime(), queuedAt.getTime());
  return new Date(Math.min(Math.max(observedAt.getTime(), queuedAt.getTime()), latest));
}
