/** Items nested deeper than MongoDB takes (100, with the document around them) are refused before anything recurses into them. */
export const maxItemDepth = 90;
/** What stands around the items may be deeper: it is not stored. */
export const maxBodyDepth = 500;

/** Whether a value is nested deeper than `most` levels. */
export function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return most === 0 || Object.values(value).some((part) => isDeeper(part, most - 1));
}
