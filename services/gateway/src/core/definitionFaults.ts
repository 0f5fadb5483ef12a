import { extractionFaults } from '@gleaner/collecting';
import type { Fault, JobDefinition } from '@gleaner/contracts';
import { validateSchedule } from '@gleaner/schedule';

/** What is wrong with a definition that its shape alone does not show. */
export function definitionFaults(definition: JobDefinition): Fault[] {
  return [
    ...validateSchedule(definition.schedule),
    ...extractionFaults(definition),
    ...('http' in definition.source ? urlFaults(definition.source.http.url) : []),
  ];
}

/** Scheme, host and port are literal: they decide what limits apply, and no item may choose whom the collector calls. */
function urlFaults(url: string): Fault[] {
  const path = 'source.http.url';
  const origin = /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];
  if (origin === undefined || origin.includes('{{')) return [{ path, code: 'templated_origin', message: 'expected scheme, host and port without a template; templates may stand behind them' }];
  return URL.canParse(url.replaceAll(/\{\{.*?\}\}/g, 'x')) ? [] : [{ path, code: 'bad_url', message: `expected a URL; saw ${JSON.stringify(url)}` }];
}
