import { pino } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { lineWriter } from './lineWriter.ts';

/** The log of a service: JSON lines on stdout, one object of fields and a short message each. */
export type Logger = PinoLogger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Names of fields that are never printed, at the top or one level down. */
const hiddenNames = ['password', 'secret', 'token', 'authorization', 'cookie', 'apiKey'];

/** The number of a lease is called its token too, and is no secret: it tells one leader's lines from another's. */
const hide = (value: unknown, path: readonly string[]): unknown => (typeof value === 'number' && path.at(-1) === 'token' ? value : '[hidden]');

/** What an error looks like in the log: its code and data, and its causes to a depth of 5. */
interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
  readonly [field: string]: unknown;
}

/**
 * Makes the one logger of a process. Errors go under `err` and keep their chain of causes; `redact` adds pino paths to hide.
 * Writing is synchronous by default, so that the last lines before an exit are not lost.
 */
export function createLogger(options: {
  readonly service: string;
  readonly level?: LogLevel;
  readonly redact?: readonly string[];
  readonly destination?: DestinationStream;
}): Logger {
  const { service, level = 'info', redact = [], destination = lineWriter() } = options;
  const settings = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: loggedError },
    redact: { paths: [...hiddenNames, ...hiddenNames.map((name) => `*.${name}`), ...redact], censor: hide },
  };
  return pino(settings, destination);
}

/** An error as plain data: type, message, stack, own fields, and the cause in the same shape. */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const fields = Object.fromEntries(Object.entries(error).filter(([name]) => name !== 'cause' && name !== 'stack'));
  const cause = error.cause !== undefined && depth < 5 ? { cause: loggedError(error.cause, depth + 1) } : {};
  return { ...fields, type: error.name, message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }), ...cause };
}
