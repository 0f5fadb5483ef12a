import type { OnFound, TextReader } from './FormatReader.ts';

/** A text whole, as one record: cutting it into the matches of the job's regular expression may take for ever, so that is done elsewhere (`createSieve`). */
export function readText(onFound: OnFound): TextReader {
  const parts: string[] = [];
  return {
    takes: 'text',
    write: (part) => void parts.push(part),
    end: () => {
      onFound({ value: parts.join('') });
      return undefined;
    },
  };
}
