import { parsePath, type Extraction, type Format } from '@gleaner/contracts';
import { badBody } from '../core/AttemptFailure.ts';
import type { Recall } from '../core/createKnownSnapshot.ts';
import type { FormatReader, OnFound } from './FormatReader.ts';
import { readCsv } from './readCsv.ts';
import { readJsonItem, readJsonItems, readNdjson } from './readJson.ts';
import { readHtml } from './readHtml.ts';
import { readText } from './readText.ts';
import { readXml } from './readXml.ts';

/** The reader of a format, for the job's `items` or `item`. */
export function createReader({ format, extraction, onFound, recall }: { readonly format: Format; readonly extraction: Extraction; readonly onFound: OnFound; readonly recall?: Recall | undefined }): FormatReader {
  const single = extraction.item !== undefined;
  const path = format === 'html' || format === 'text' ? [] : parsePath(extraction.item ?? extraction.items ?? '$');
  switch (format) {
    case 'json': return single ? readJsonItem(path, onFound) : readJsonItems(path, onFound, recall);
    case 'ndjson': return readNdjson(onFound, recall);
    case 'csv': return readCsv({ onlyFirst: single, keys: keyColumns(extraction), onFound });
    case 'tsv': return readCsv({ delimiter: '\t', onlyFirst: single, keys: keyColumns(extraction), onFound });
    case 'xml': return readXml({ path, single, onFound });
    case 'html':
      if (extraction.format !== 'html') throw badBody('expected data; saw an HTML page (`format: html` reads one)');
      return readHtml({ selector: extraction.item ?? extraction.items ?? '', single, paths: htmlPaths(extraction), withRecords: needsRecords(extraction), onFound });
    case 'text':
      if (extraction.format !== 'text') throw badBody('expected data; saw plain text (`format: text` reads it by a regular expression)');
      return readText(onFound);
  }
}

/** Selectors read the page itself; what is found there as a record only items without fields and expressions see. */
const needsRecords = ({ fields }: Extraction): boolean => fields === undefined || Object.values(fields).some((spec) => typeof spec === 'object' && 'expr' in spec);

/** Selectors that fields and key are read by. */
const htmlPaths = ({ fields = {}, key = [] }: Extraction): readonly string[] => [
  ...new Set([...Object.values(fields).flatMap((spec) => (typeof spec === 'string' ? [spec] : 'path' in spec ? [spec.path] : [])), ...[key].flat()]),
];

/** Columns that the key is read from. */
const keyColumns = ({ key = [] }: Extraction): readonly string[] => [key].flat().flatMap((path) => (parsePath(path).length === 1 ? parsePath(path) : []));
