import { AttemptFailure } from './AttemptFailure.ts';
import { renderTemplate } from './renderTemplate.ts';
import type { TemplateScope } from './renderTemplate.ts';

/** Stands around each value while its segment is looked at; no url has it. */
const mark = '\0';

/** Fills in a url's templates, percent-encoded. Throws `bad_template` for what has no value, and where values make a segment `.` or `..`: they choose within the job's path, never another one. */
export function renderUrl(template: string, scope: TemplateScope): URL {
  const marked = renderTemplate(template.replaceAll(mark, ''), scope, (value) => `${mark}${encodeURIComponent(value)}${mark}`);
  const [path = ''] = marked.split(/[?#]/, 1);
  // As a url's parser reads it: %2e is a dot, a backslash a slash, and tabs and line breaks are not there.
  for (const segment of path.split(/[/\\]/)) {
    if (segment.includes(mark) && /^\.{1,2}$/.test(segment.replaceAll(/[\0\t\r\n]/g, '').replaceAll(/%2e/gi, '.'))) {
      throw new AttemptFailure('bad_template', 'expected templates to choose a name in the url; saw `.` or `..`, which lead to another path');
    }
  }
  const text = marked.replaceAll(mark, '');
  if (!URL.canParse(text)) throw new AttemptFailure('bad_template', 'expected the url to be one once its templates are filled in; it is none');
  return new URL(text);
}
