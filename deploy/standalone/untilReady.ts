import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceProcess } from './serviceProcess.ts';

const HOPELESS_ENDS = 3;

/**
 * Resolves when every service says that it is ready. Rejects after `patience` ms, or when one has ended three
 * times before it was ready, saying which and what it said.
 */
export async function untilReady({ services, patience, signal }: {
  services: readonly ServiceProcess[]; patience: number; signal: AbortSignal;
}): Promise<void> {
  const deadline = performance.now() + patience;
  let waiting = [...services];
  for (;;) {
    const answers = await Promise.all(waiting.map(async (service) => ({ service, answer: await whyNotReady(service) })));
    const late = answers.filter(({ answer }) => answer !== undefined);
    if (late.length === 0) return;
    const hopeless = services.find((service) => service.trouble().ends >= HOPELESS_ENDS);
    if (hopeless !== undefined) throw new Error(`${hopeless.name} does not start: ${hopeless.trouble().why}`);
    if (performance.now() > deadline) {
      throw new Error(`not ready after ${patience / 1000} s: ${late.map(({ service, answer }) => `${service.name} (${answer})`).join(', ')}`);
    }
    waiting = late.map(({ service }) => service);
    await delay(50, undefined, { signal });
  }
}

async function whyNotReady(service: ServiceProcess): Promise<string | undefined> {
  const address = service.address();
  if (address === undefined) return 'has not said that it runs';
  if (service.healthPath === undefined) return undefined;
  try {
    const response = await fetch(new URL(service.healthPath, address), { signal: AbortSignal.timeout(3_000) });
    const text = await response.text();
    return response.ok ? undefined : `${response.status} ${text.slice(0, 300)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
