import { execFile } from 'node:child_process';

/** Undefined when a Docker engine answers within 5 s, else why not. */
export async function dockerAnswers(): Promise<string | undefined> {
  return await new Promise((resolve) => {
    execFile('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 5_000 }, (error, _stdout, stderr) => {
      if (error === null) resolve(undefined);
      else resolve(stderr.trim().split('\n').at(-1) || `docker: ${error.code ?? 'no answer'}`);
    });
  });
}
