/** Bytes that a JSON value takes as a BSON element's value, with the longest form of each number. */
export function bsonSize(value: unknown): number {
  switch (typeof value) {
    case 'string': return 5 + utf8Length(value);
    case 'number': return 8;
    case 'boolean': return 1;
    case 'object': {
      if (value === null) return 0;
      let size = 5;
      if (Array.isArray(value)) {
        value.forEach((part: unknown, index) => {
          size += 2 + String(index).length + bsonSize(part);
        });
      } else for (const [name, part] of Object.entries(value)) size += 2 + utf8Length(name) + bsonSize(part);
      return size;
    }
    default: return 0;
  }
}

const utf8Length = (text: string): number => Buffer.byteLength(text);
