import { readPath, type Path } from '@gleaner/contracts';
import { badBody } from '../core/AttemptFailure.ts';
import { createJsonCutter } from '../core/createJsonCutter.ts';
import type { JsonPiece } from '../core/createJsonCutter.ts';
import { isDeeper, maxBodyDepth, maxItemDepth } from '../core/jsonDepth.ts';
import { numberTexts, parseExactJson, traitsOf } from '../core/parseExactJson.ts';
import type { Recall } from '../core/createKnownSnapshot.ts';
import type { BytesReader, OnFound } from './FormatReader.ts';

/** The items of a JSON body, one by one as they come by; of an object, each property is an item. */
export function readJsonItems(path: Path, onFound: OnFound, recall?: Recall): BytesReader {
  const names = new Set<string>();
  const cutter = createJsonCutter({
    path,
    recall,
    onPiece: (piece) => {
      if (piece.property) onFound(property(piece, names));
      else tell(piece, onFound);
    },
  });
  return { takes: 'bytes', write: (part) => cutter.write(part), end: () => cutter.end().value };
}

/** One value a line; blank lines are none. */
export function readNdjson(onFound: OnFound, recall?: Recall): BytesReader {
  const cutter = createJsonCutter({
    path: [],
    lines: true,
    recall,
    onPiece: (piece) => {
      tell(piece, onFound);
    },
  });
  return { takes: 'bytes', write: (part) => cutter.write(part), end: () => cutter.end().value };
}

/** The one object at a path; the body is read whole. */
export function readJsonItem(path: Path, onFound: OnFound): BytesReader {
  const parts: Buffer[] = [];
  return {
    takes: 'bytes',
    write: (part) => void parts.push(part),
    end: () => {
      const bytes = Buffer.concat(parts);
      const text = bytes.toString('utf8');
      if (text.includes('\uFFFD') && !Buffer.from(text).equals(bytes)) throw badBody('expected UTF-8 in the JSON; saw other bytes');
      const traits = traitsOf(text);
      if (traits.depth > maxBodyDepth) throw badBody(`expected JSON nested at most ${maxBodyDepth} deep`);
      const { value } = parseExactJson(text, traits, 'the answer');
      const found = readPath(value, path);
      if (isDeeper(found, maxItemDepth)) throw badBody(`expected an object nested at most ${maxItemDepth} deep at ${path.join('.') || '$'}`);
      if (found === undefined) throw badBody(`expected an object at ${path.join('.') || '$'}; the answer has none there`);
      onFound({ value: found, exact: numberTexts(text, traits, (whole) => readPath(whole, path)) });
      return value;
    },
  };
}

function tell(piece: JsonPiece, onFound: OnFound): void {
  const { record } = piece;
  const { value, textHolds } = parseExactJson(piece.text, piece, `item ${piece.number}`);
  onFound({ value, ...(textHolds ? { text: piece.text } : {}), exact: numberTexts(piece.text, piece), ...(record === undefined ? {} : { record }) });
}

function property(piece: JsonPiece, names: Set<string>) {
  const text = `{${piece.text}}`;
  const { value } = parseExactJson(text, piece, `item ${piece.number}`);
  const [entry] = Object.entries(value as Readonly<Record<string, unknown>>);
  if (!entry) throw badBody(`expected a property; saw none before item ${piece.number}`);
  const [name, part] = entry;
  if (names.has(name)) throw badBody(`expected each name once in an object; saw ${JSON.stringify(name)} twice in the items`);
  names.add(name);
  return { name, value: part, exact: numberTexts(text, piece, (whole) => Object.values(whole as Readonly<Record<string, unknown>>)[0]) };
}
