import type { RowResult } from './finding.ts';

/** The results as Markdown: rows in the order given, each with its findings; rows never measured are named as such. */
export function renderResults({ rows, results }: { readonly rows: readonly { readonly name: string; readonly title: string }[]; readonly results: Readonly<Record<string, RowResult>> }): string {
  const machines = [...new Set(rows.flatMap(({ name }) => results[name]?.machine ?? []))];
  const lines = [
    '# Results of `npm run bench`',
    '',
    'Peers run beside Gleaner in the same run, on the same data and the same servers. Ratios are taken round by round; `median [least–most]`.',
    'A line marked **missed** is a finding: it says where Gleaner falls short of its figure.',
    '',
    ...machines.map((machine, place) => `Machine${machines.length > 1 ? ` ${place + 1}` : ''}: ${machine}`),
    '',
    '| row | figure wanted | measured | beside it | |',
    '|---|---|---|---|---|',
  ];
  const notes: string[] = [];
  for (const { name, title } of rows) {
    const result = results[name];
    if (!result) {
      lines.push(`| ${cell(title)} (\`${name}\`) | | not measured yet | | |`);
      continue;
    }
    for (const { what, wanted, measured, beside, reached, note } of result.findings) {
      const mark = reached === undefined ? '' : reached ? 'reached' : '**missed**';
      const reference = note === undefined ? '' : ` [${notes.push(note)}]`;
      const place = machines.length > 1 ? ` (machine ${machines.indexOf(result.machine) + 1})` : '';
      lines.push(`| ${cell(what)} (\`${name}\`)${place} | ${cell(wanted)} | ${cell(measured)}${reference} | ${cell(beside)} | ${mark} |`);
    }
  }
  return `${[...lines, '', ...notes.map((note, place) => `[${place + 1}] ${note}  `)].join('\n').trimEnd()}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
