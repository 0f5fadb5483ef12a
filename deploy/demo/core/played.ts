/** Where an answer comes from: bytes that the real service once sent, or a simulation in their format. */
export type Origin = 'recorded' | 'simulation';

/** One answer's body, and where it comes from. */
export interface Played {
  readonly body: Buffer;
  readonly origin: Origin;
}
