/** Bounds and fineness of a double integral. */
export interface Grid { readonly a: number; readonly b: number; readonly c: number; readonly d: number; readonly size: number }

/** The double integral of `f` over [a,b]×[c,d] by the midpoint rule on a size×size grid; rows are summed apart, so that rounding stays small. */
export function integrate(f: (x: number, y: number) => number, { a, b, c, d, size }: Grid): number {
  const dx = (b - a) / size;
  const dy = (d - c) / size;
  let total = 0;
  for (let i = 0; i < size; i += 1) {
    const x = a + (i + 0.5) * dx;
    let row = 0;
    for (let j = 0; j < size; j += 1) row += f(x, c + (j + 0.5) * dy);
    total += row;
  }
  return total * dx * dy;
}
