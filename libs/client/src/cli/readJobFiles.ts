import { isMap, parseAllDocuments } from 'yaml';
import { UsageError } from './exitCodes.ts';
import type { CliSurroundings } from './surroundings.ts';

/** A job as a file has it; its text goes to the gateway untouched, so that no digit is lost on the way. */
export interface JobFile {
  readonly path: string;
  readonly id: string;
  readonly text: string;
  readonly type: 'application/json' | 'application/yaml';
  /** The same as an object, for what needs several in one request. */
  readonly value: Readonly<Record<string, unknown>> & { readonly id: string };
}

/** Reads jobs from files and folders (all .yaml, .yml and .json below); a YAML file may hold several. A job without an id is named as its file. */
export async function readJobFiles(paths: readonly string[], io: Pick<CliSurroundings, 'readText' | 'listFolder'>): Promise<JobFile[]> {
  const files: string[] = [];
  for (const path of paths) {
    const inside = await io.listFolder(path);
    if (inside?.length === 0) throw new UsageError(`expected job files (.yaml, .yml, .json) in ${path}; saw none`);
    files.push(...(inside ?? [path]));
  }
  const jobs: JobFile[] = [];
  for (const path of files) {
    let text: string;
    try {
      text = await io.readText(path);
    } catch (error) {
      throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    jobs.push(...jobsOf(path, text));
  }
  return jobs;
}

function jobsOf(path: string, text: string): JobFile[] {
  const parsed = parseAllDocuments(text, { version: '1.2' });
  const documents = 'empty' in parsed ? [] : [...parsed];
  if (documents.length === 0) throw new UsageError(`expected a job in ${path}; it is empty`);
  const fault = documents.flatMap(({ errors }) => errors)[0];
  if (fault) throw new UsageError(`${path}: ${fault.message}`);
  return documents.map((document) => {
    if (!isMap(document.contents)) throw new UsageError(`expected a job in ${path}: an object with at least a source`);
    const named = document.get('id');
    const id = named === undefined ? path.replace(/^.*[/\\]/, '').replace(/\.(ya?ml|json)$/, '') : String(named);
    const json = documents.length === 1 && /^\s*\{/.test(text);
    return { path, id, text: documents.length === 1 ? text : text.slice(document.range[0], document.range[2]), type: json ? 'application/json' : 'application/yaml', value: { ...(document.toJS({ maxAliasCount: 100 }) as Record<string, unknown>), id } };
  });
}
