import { fileURLToPath } from 'node:url';
import { keepService } from '../serviceProcess.ts';

// A stand-in for the launcher, for its tests: keeps one service, whose log is the first argument, until it is killed.
keepService({
  name: 'echo', entry: fileURLToPath(new URL('./echoService.ts', import.meta.url)), env: process.env, logFile: process.argv[2] ?? '',
  announces: / ready, health at (http:\/\/\S+)/, say: () => {},
});
