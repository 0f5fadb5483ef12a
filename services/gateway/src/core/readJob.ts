import { extractionFaults, sourceFaults } from '@gleaner/collecting';
import { parseJob, type Fault, type JobDefinition, type ParsedJob } from '@gleaner/contracts';
import { validateSchedule } from '@gleaner/schedule';

/** Reads a job from a body, or says every fault of it: those of its shape, and what the parts that have none are found to mean. Wherever a job is taken it is read by this. */
export function readJob(id: string, body: unknown): ParsedJob {
  const parsed = parseJob(id, body);
  const readable = parsed.ok ? parsed.definition : parsed.readable;
  const faults = [...(parsed.ok ? [] : parsed.faults), ...(readable ? meaningFaults(readable) : [])];
  return parsed.ok && faults.length === 0 ? parsed : { ok: false, faults, readable };
}

/** What is wrong with a definition that its shape alone does not show. */
const meaningFaults = (definition: JobDefinition): Fault[] => [...validateSchedule(definition.schedule), ...extractionFaults(definition), ...sourceFaults(definition.source)];
