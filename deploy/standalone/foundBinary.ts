/** A server's program to run, or why each way to one failed. */
export type FoundBinary = { file: string } | { faults: string[] };
