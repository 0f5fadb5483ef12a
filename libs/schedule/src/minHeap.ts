/** What comes next, by time. Values that no longer hold are not taken out: whoever pops one looks whether it still does. */
export class MinHeap<T> {
  #ats: number[] = [];
  #values: T[] = [];

  get size(): number {
    return this.#ats.length;
  }

  /** The earliest time, or undefined. */
  get nextAt(): number | undefined {
    return this.#ats[0];
  }

  push(at: number, value: T): void {
    let index = this.#ats.length;
    this.#ats.push(at);
    this.#values.push(value);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((this.#ats[parent] as number) <= at) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#ats[index] = at;
    this.#values[index] = value;
  }

  /** Takes the earliest value where its time is at or before `until`. */
  popUntil(until: number): { readonly at: number; readonly value: T } | undefined {
    const at = this.#ats[0];
    if (at === undefined || at > until) return undefined;
    const value = this.#values[0] as T;
    const lastAt = this.#ats.pop() as number;
    const lastValue = this.#values.pop() as T;
    const size = this.#ats.length;
    if (size > 0) {
      let index = 0;
      for (let child = 1; child < size; child = 2 * index + 1) {
        if (child + 1 < size && (this.#ats[child + 1] as number) < (this.#ats[child] as number)) child += 1;
        if ((this.#ats[child] as number) >= lastAt) break;
        this.#move(child, index);
        index = child;
      }
      this.#ats[index] = lastAt;
      this.#values[index] = lastValue;
    }
    return { at, value };
  }

  clear(): void {
    this.#ats = [];
    this.#values = [];
  }

  #move(from: number, to: number): void {
    this.#ats[to] = this.#ats[from] as number;
    this.#values[to] = this.#values[from] as T;
  }
}
