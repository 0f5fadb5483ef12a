import { createServer } from 'node:http';

// A stand-in for a service, for the launcher's tests: says where it is, ends with its parent's pipe, on SIGTERM, and on /crash.
const server = createServer((request, response) => {
  if (request.url === '/crash') {
    process.stderr.write('Error: asked to crash\n');
    process.exit(3);
  }
  response.end(JSON.stringify({ pid: process.pid }));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write('login: http://127.0.0.1/?key=told-once\n');
  process.stdout.write(`echo ready, health at http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}\n`);
});
process.stdin.resume();
process.stdin.once('close', () => { process.exit(0); });
process.once('SIGTERM', () => { process.exit(0); });
