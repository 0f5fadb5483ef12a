import { extractionFaults, sourceFaults } from '@gleaner/collecting';
import type { Fault, JobDefinition } from '@gleaner/contracts';
import { validateSchedule } from '@gleaner/schedule';

/** What is wrong with a definition that its shape alone does not show. */
export function definitionFaults(definition: JobDefinition): Fault[] {
  return [
    ...validateSchedule(definition.schedule),
    ...extractionFaults(definition),
    ...sourceFaults(definition.source),
  ];
}
