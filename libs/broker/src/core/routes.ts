import type { Topology } from '@gleaner/contracts';

/** Where something is published to. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What settling needs to know of a queue. */
export interface QueueRoutes {
  readonly queue: string;
  /** Ascending by wait; empty where the queue has no ladder. */
  readonly ladder: readonly { readonly route: Route; readonly delayMs: number }[];
  /** Undefined where dead messages of this queue are not kept. */
  readonly dead: Route | undefined;
}

/** Reads the routes of a queue from the topology; a queue that is not in it has none. */
export function routesOf(queue: string, topology: Topology | undefined): QueueRoutes {
  const shapes = new Map((topology?.queues ?? []).map((shape) => [shape.name, shape]));
  const rungs = topology?.ladders.find((ladder) => ladder.queue === queue)?.rungs ?? [];
  const ladder = rungs
    .map((rung) => ({ route: shapes.get(rung.queue)?.binding ?? { exchange: '', routingKey: rung.queue }, delayMs: rung.delayMs }))
    .toSorted((a, b) => a.delayMs - b.delayMs);
  const deadQueue = topology?.deadQueues[queue];
  const dead = shapes.get(queue)?.deadLetter ?? (deadQueue === undefined ? undefined : { exchange: '', routingKey: deadQueue });
  return { queue, ladder, dead };
}
