// Fills NODE_COMPILE_CACHE with every TypeScript module of the services, so that a started service strips no types.
// An entry point that would run on import is loaded with a switch that ends it right after loading.
import { spawnSync } from 'node:child_process';

const entries = ['services/scheduler/src/main.ts', 'services/collector/src/main.ts', 'services/storage/src/main.ts', 'services/gateway/src/main.ts', 'deploy/demo/main.ts', 'deploy/standalone/setup.ts'];
for (const entry of entries) {
  // Without its variables an entry ends by itself with a fault list, after everything was loaded; that is what is wanted here.
  const { stderr, error } = spawnSync(process.execPath, [entry], { env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, GLEANER_PARENT_PIPE: '1' }, stdio: ['ignore', 'ignore', 'pipe'], timeout: 15_000, killSignal: 'SIGTERM' });
  if (error !== undefined && error.code !== 'ETIMEDOUT') throw error;
  if (/ERR_MODULE_NOT_FOUND/.test(String(stderr))) throw new Error(`${entry} does not load in this image:\n${stderr}`);
}
