export * from './requests.ts';
export { ApiError, UnreachableError } from './ApiError.ts';
export { createClient } from './createClient.ts';
export type { Client, ItemsOptions, ListOptions, RunsOptions } from './createClient.ts';
export { createTransport } from './createTransport.ts';
export type { Call, Query, Reply, Transport } from './createTransport.ts';
export { exitCodes, runCli } from './cli/runCli.ts';
export type { CliSurroundings } from './cli/surroundings.ts';
export type { LiveEvent } from './readEvents.ts';
