import { Agent, request } from 'node:http';

/** Reads a whole answer and gives its size; rejects when its status is not 200. */
export function readPage({ url, agent, headers = {} }: { readonly url: string; readonly agent: Agent; readonly headers?: Readonly<Record<string, string>> }): Promise<{ readonly ms: number; readonly body: () => Buffer; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    request(url, { agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        const ms = performance.now() - began;
        if (answer.statusCode === 200) resolve({ ms, bytes, body: () => Buffer.concat(chunks) });
        else reject(new Error(`${url} answered ${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 300)}`));
      });
    }).on('error', reject).end();
  });
}

/** Asks for a page over and over on so many connections; requests per second, and each answer's ms. */
export async function loadPages({ url, connections, durationMs, headers }: { readonly url: string; readonly connections: number; readonly durationMs: number; readonly headers?: Readonly<Record<string, string>> }): Promise<{ readonly perSecond: number; readonly ms: readonly number[]; readonly bytes: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const ms: number[] = [];
  let size = 0;
  const began = performance.now();
  try {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() - began < durationMs) {
          const page = await readPage({ url, agent, ...(headers ? { headers } : {}) });
          ms.push(page.ms);
          size = page.bytes;
        }
      }),
    );
    return { perSecond: (ms.length / (performance.now() - began)) * 1_000, ms, bytes: size };
  } finally {
    agent.destroy();
  }
}
