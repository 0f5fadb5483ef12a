import type { SecretForm } from './secretForms.ts';

/** Where a form stands in a text. */
export interface Place { readonly from: number; readonly to: number }

/** Makes the function that finds a form in a text at or after a place; its expressions are made when they are first needed. */
export function createFindForm({ pieces }: Pick<SecretForm, 'pieces'>): (text: string, from: number) => Place | undefined {
  let first: RegExp | undefined;
  let others: readonly RegExp[] = [];
  return (text, from) => {
    if (!first) {
      const [beginning = '(?!)', ...rest] = pieces();
      first = new RegExp(beginning, 'g');
      others = rest.map((source) => new RegExp(source, 'y'));
    }
    first.lastIndex = from;
    for (let begun = first.exec(text); begun; begun = first.exec(text)) {
      let to = first.lastIndex;
      const isWhole = others.every((piece) => {
        piece.lastIndex = to;
        const goesOn = piece.test(text);
        to = piece.lastIndex;
        return goesOn;
      });
      if (isWhole) return { from: begun.index, to };
      first.lastIndex = begun.index + 1;
    }
    return undefined;
  };
}
