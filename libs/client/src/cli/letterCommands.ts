import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { LetterSelection } from '../requests.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './exitCodes.ts';
import { shownTime } from './table.ts';

interface Chosen {
  readonly all?: boolean;
  readonly job?: string;
  readonly queue?: string;
  readonly class?: string;
  readonly dryRun?: boolean;
}

/** dlq list, show, replay, discard. */
export function addLetterCommands(program: Command, { client, print, table }: CliContext): void {
  const dlq = program.command('dlq').description('dead letters: what failed for good');

  dlq.command('list').description('letters, newest first').option('--job <job>').option('--queue <queue>').option('--class <class>').option('--state <states>', 'states between commas', 'parked').option('--limit <n>', 'how many', '50')
    .action(async ({ state, limit, ...filter }: { job?: string; queue?: string; class?: string; state: string; limit: string }) => {
      const answer = await client().listLetters({ ...filter, limit: Number(limit), ...(state === 'all' ? {} : { state: state.split(',') }) });
      print(answer, () => table(['LETTER', 'DEAD', 'STATE', 'QUEUE', 'CLASS', 'RUN', 'REASON'], answer.letters.map((one) => [one.id, shownTime(one.deadAt), one.state, one.queue, one.class, one.run, one.reason])));
    });

  dlq.command('show').description('a letter with payload and evidence').argument('<letter>').action(async (id: string) => {
    const letter = await client().getLetter(id);
    print(letter, () => stringify(letter));
  });

  const choosing = (command: Command): Command => command.argument('[letter...]').option('--all', 'all that are parked').option('--job <job>').option('--queue <queue>').option('--class <class>').option('--dry-run', 'only say which');
  choosing(dlq.command('replay').description('give letters another chance')).option('--rate <n>', 'letters a minute').option('--original', 'with the job version that they had')
    .action(async (ids: string[], { rate, original, ...chosen }: Chosen & { rate?: string; original?: boolean }) => {
      const answer = await client().replayLetters({ ...selectionOf(ids, chosen), ...(rate === undefined ? {} : { rate: Number(rate) }), ...(original ? { as: 'original' } : {}) });
      print(answer, () => moved(answer, 'marked for replay'));
    });
  choosing(dlq.command('discard').description('give letters up; they stay readable')).action(async (ids: string[], chosen: Chosen) => {
    const answer = await client().discardLetters(selectionOf(ids, chosen));
    print(answer, () => moved(answer, 'discarded'));
  });
}

function selectionOf(ids: readonly string[], { all, dryRun, ...filter }: Chosen): LetterSelection {
  const filtered = Object.keys(filter).length > 0 || all === true;
  if (ids.length > 0 && filtered) throw new UsageError('expected letters or a filter; saw both');
  if (ids.length === 0 && !filtered) throw new UsageError('expected letters, a filter (--job, --queue, --class) or --all');
  return { ...(ids.length > 0 ? { ids } : { filter }), ...(dryRun ? { dryRun } : {}) };
}

const moved = (answer: { readonly dryRun: boolean; readonly matched: number; readonly marked: number; readonly ids: readonly string[] }, done: string): string =>
  answer.dryRun ? `${answer.matched} letters would be ${done}\n${answer.ids.map((id) => `${id}\n`).join('')}` : `${answer.marked} of ${answer.matched} letters ${done}\n`;
