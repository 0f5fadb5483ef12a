/** A clock that can be moved on and made faster: `anchor` is the real moment at which it showed `shown`; all in ms since the epoch. */
export interface SimulatedTime {
  readonly anchor: number;
  readonly shown: number;
  /** Simulated milliseconds in a real one. */
  readonly speed: number;
}

export const realTime = (now: number): SimulatedTime => ({ anchor: now, shown: now, speed: 1 });

/** What the clock shows at a real moment. */
export const shownAt = (time: SimulatedTime, now: number): number => Math.floor(time.shown + (now - time.anchor) * time.speed);

/** The same clock moved on by `advance` ms and, from now on, with another speed; it never jumps otherwise. */
export const changeTime = (time: SimulatedTime, { now, advance = 0, speed = time.speed }: { readonly now: number; readonly advance?: number; readonly speed?: number }): SimulatedTime => ({
  anchor: now, shown: shownAt(time, now) + advance, speed,
});
