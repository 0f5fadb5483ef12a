import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;

/** What `docker inspect` tells of a container, as far as a test asks. */
export interface Container {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly User: string };
  readonly State: { readonly Status: string; readonly ExitCode: number; readonly Health?: { readonly Status: string } };
  readonly HostConfig: { readonly ReadonlyRootfs: boolean; readonly CapDrop: readonly string[] | null; readonly Memory: number; readonly Init: boolean | null };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
    readonly Ports: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>>;
  };
  readonly RestartCount: number;
}

export interface Compose {
  /** Runs `docker compose <args>`; rejects with what it said where it fails. Gives its stdout. */
  run(args: readonly string[], options?: { timeoutMs?: number; env?: Record<string, string> }): Promise<string>;
  /** The containers of a service (of all where none is named), those that have ended included. */
  containers(service?: string): Promise<Container[]>;
  /** Runs a shell line in a container as the user that its service runs as. */
  shell(container: Container, line: string): Promise<string>;
  /** What the container's service process would get from `kill -9` by the kernel: it ends, Docker's restart policy acts. */
  crash(container: Container): Promise<void>;
}

/** The project's compose file with this test's additions, under a project name of its own. */
export function createCompose({ project, env }: { project: string; env: Readonly<Record<string, string>> }): Compose {
  const files = ['-p', project, '-f', 'docker-compose.yml', '-f', 'test/compose/override.yml'];
  const docker = async (args: readonly string[], timeoutMs = 120_000, extra: Record<string, string> = {}): Promise<string> => {
    try {
      const { stdout } = await execute('docker', [...args], { cwd: ROOT, env: { ...process.env, ...env, ...extra }, timeout: timeoutMs, maxBuffer: 64 * 1_048_576 });
      return stdout;
    } catch (error) {
      const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim().split('\n').slice(-12).join('\n') : '';
      throw new Error(`docker ${args.join(' ')} failed: ${said}`, { cause: error });
    }
  };
  return {
    run: async (args, { timeoutMs = 180_000, env: extra = {} } = {}) => await docker(['compose', ...files, ...args], timeoutMs, extra),
    containers: async (service) => {
      const ids = (await docker(['compose', ...files, 'ps', '-aq', ...(service === undefined ? [] : [service])])).split('\n').filter((id) => id !== '');
      return ids.length === 0 ? [] : (JSON.parse(await docker(['inspect', ...ids])) as Container[]);
    },
    shell: async (container, line) => await docker(['exec', container.Id, 'sh', '-c', line], 20_000),
    // -1: all but PID 1 (the init, which then ends with the code of its child) and the shell itself.
    crash: async (container) => { await docker(['exec', container.Id, 'sh', '-c', 'kill -9 -1']); },
  };
}
