import { makeScene } from './scene.ts';
import { steps } from './steps.ts';

// Runs Gleaner in containers, hurts it in every way that it must survive, and holds its books after each. Ends with
// `N passed, N failed` and takes down, with its volumes, what it started, however it ends. Not two at once on one machine.
const scene = await makeScene();
const { clean } = scene;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => { void clean().catch(() => undefined).then(() => {
    scene.forgetSecrets();
    process.exit(130);
  }); });
}

let passed = 0;
let failed = 0;
try {
  await clean();
  for (const { name, run } of steps) {
    const started = performance.now();
    try {
      const told = await run(scene);
      passed += 1;
      process.stdout.write(`ok    ${name} (${((performance.now() - started) / 1_000).toFixed(1)} s)${told === undefined ? '' : `: ${told}`}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`FAIL  ${name}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.stdout.write(`${await scene.compose.run(['ps', '-a']).catch(String)}\n${await scene.compose.run(['logs', '--no-color', '--tail', '25', 'setup', 'scheduler', 'collector', 'storage', 'gateway']).catch(String)}\n`);
      // What follows goes on from here, so it would only tell of this fault again.
      failed += steps.length - passed - failed;
      break;
    }
  }
} finally {
  await clean();
  scene.forgetSecrets();
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
