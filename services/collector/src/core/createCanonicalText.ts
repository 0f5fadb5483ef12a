/** What a walk over a value found beside its text. */
export interface Canonical {
  /** Equal for equal data, whatever the order of its properties; not JSON. */
  readonly text: string;
  /** Somewhere a -0, which JSON.stringify would write as 0. */
  readonly negativeZero: boolean;
}

/**
 * Makes the function that writes data in one canonical form, for hashing. Strings go in with their length instead of escapes,
 * so that no two values share a text and nothing has to be escaped. The order of names is remembered from item to item.
 */
export function createCanonicalText(): (value: unknown) => Canonical {
  let negativeZero = false;
  let lastNames: readonly string[] = [];
  let lastOrder: readonly string[] = [];

  const orderOf = (names: readonly string[]): readonly string[] => {
    if (names.length === lastNames.length && names.every((name, at) => name === lastNames[at])) return lastOrder;
    lastNames = names;
    lastOrder = names.toSorted();
    return lastOrder;
  };

  const write = (value: unknown, top: boolean): string => {
    switch (typeof value) {
      case 'string': return `"${value.length}:${value}`;
      case 'number':
        if (value === 0 && 1 / value < 0) {
          negativeZero = true;
          return '#-0';
        }
        return `#${value}`;
      case 'boolean': return value ? '+' : '-';
      case 'object': {
        if (value === null) return '~';
        let text = '';
        if (Array.isArray(value)) {
          for (const part of value as readonly unknown[]) text += write(part, false);
          return `[${text}]`;
        }
        const data = value as Readonly<Record<string, unknown>>;
        const names = Object.keys(data);
        for (const name of top ? orderOf(names) : names.sort()) {
          const part = data[name];
          if (part !== undefined) text += `${name.length}:${name}${write(part, false)}`;
        }
        return `{${text}}`;
      }
      default: return '~';
    }
  };

  return (value) => {
    negativeZero = false;
    const text = write(value, true);
    return { text, negativeZero };
  };
}
