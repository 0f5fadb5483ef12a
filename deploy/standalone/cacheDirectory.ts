import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where downloads are kept for every checkout of this user: `$XDG_CACHE_HOME/gleaner`, else `~/.cache/gleaner`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'gleaner');
}
