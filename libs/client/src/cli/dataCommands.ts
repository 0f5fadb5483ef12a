import type { Command } from 'commander';
import type { ItemsOptions } from '../createClient.ts';
import type { CliContext } from './context.ts';
import { readParams } from './jobCommands.ts';
import { readMoment } from './readMoment.ts';
import { shownTime } from './table.ts';

const pageSize = 1_000;

/** items, snapshots, history, diff. */
export function addDataCommands(program: Command, context: CliContext): void {
  const { client, print, table, io } = context;
  const moment = (text: string): string => (text.includes('@') ? text : readMoment(text, io.now()));

  program.command('items').description('items: the latest, or of a moment, a run, some keys; --json prints one item a line')
    .argument('<job>').option('--at <moment>', 'the state then, such as 2026-12-01T05:00:00Z or 2h (ago)').option('--run <run>', 'the snapshot of this run').option('--item <key...>', 'just these keys')
    .option('--where <json>', 'query over the data, such as {"Price": {"$gt": 5}}').option('--fields <names>', 'only these fields, between commas').option('--limit <n>', 'how many', '100').option('--all', 'all of them').option('--csv', 'print CSV')
    .action(async (job: string, options: { at?: string; run?: string; item?: string[]; where?: string; fields?: string; limit: string; all?: boolean; csv?: boolean }) => {
      const asked: ItemsOptions = {
        at: options.at === undefined ? undefined : readMoment(options.at, io.now()), run: options.run, key: options.item,
        where: options.where === undefined ? undefined : readParams(options.where), fields: options.fields?.split(','),
      };
      let left = options.all ? Number.POSITIVE_INFINITY : Number(options.limit);
      let after: string | undefined;
      let first = true;
      do {
        const page: ItemsOptions = { ...asked, ...(asked.key ? {} : { limit: Math.min(left, pageSize), after }) };
        if (options.csv || context.json()) {
          const { text, next } = await client().itemsText(job, options.csv ? 'text/csv' : 'application/x-ndjson', page);
          const rows = options.csv && !first ? text.slice(text.indexOf('\n') + 1) : text;
          io.out(rows);
          left -= rows.split('\n').length - 1;
          after = next;
        } else {
          const answer = await client().listItems(job, page);
          if (first) io.out(`${answer.total === undefined ? '' : `${answer.total} items, `}as of ${shownTime(answer.at)}\n`);
          io.out(table(['KEY', 'SINCE', 'DATA'], answer.items.map(({ key, since, data }) => [key, shownTime(since), data]), { maxWidth: 100 }));
          left -= answer.items.length;
          after = answer.next;
        }
        first = false;
      } while (after !== undefined && left > 0);
    });

  program.command('snapshots').description('snapshots that can be read, newest first').argument('<job>').option('--limit <n>', 'how many', '20').action(async (job: string, { limit }: { limit: string }) => {
    const answer = await client().listSnapshots(job, { limit: Number(limit) });
    print(answer, () => table(['OBSERVED', 'ITEMS', 'ADDED', 'CHANGED', 'REMOVED', 'RUN'], answer.snapshots.map(({ observedAt, counts, run }) => [shownTime(observedAt), counts.total, counts.added, counts.changed, counts.removed, run])));
  });

  program.command('history').description('how one item changed, newest first').argument('<job>').argument('<key>').option('--limit <n>', 'how many', '20').action(async (job: string, key: string, { limit }: { limit: string }) => {
    const answer = await client().getHistory(job, key, { limit: Number(limit) });
    print(answer, () => table(['FROM', 'TO', 'DATA'], answer.versions.map((version) => [shownTime(version.from), shownTime(version.to), 'removed' in version ? '(removed)' : version.data]), { maxWidth: 100 }));
  });

  program.command('diff').description('what is different between two moments (or runs)').argument('<job>').requiredOption('--from <moment>').option('--to <moment>', 'default the latest').option('--limit <n>', 'how many', '1000')
    .action(async (job: string, { from, to, limit }: { from: string; to?: string; limit: string }) => {
      const answer = await client().getDiff(job, { from: moment(from), to: to === undefined ? undefined : moment(to), limit: Number(limit) });
      print(answer, () => [
        `${shownTime(answer.from)} to ${shownTime(answer.to)}: +${answer.added.length} ~${answer.changed.length} -${answer.removed.length}${answer.next === undefined ? '' : ' and more'}\n`,
        table(['', 'KEY', 'BEFORE', 'AFTER'], [
          ...answer.added.map(({ key, data }) => ['+', key, '', data]), ...answer.changed.map(({ key, before, after }) => ['~', key, before, after]), ...answer.removed.map(({ key, data }) => ['-', key, data, '']),
        ]),
      ].join(''));
    });
}
