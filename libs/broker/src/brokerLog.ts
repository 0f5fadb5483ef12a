type LogLine = (fields: object, message: string) => void;

/** The part of a pino logger that this library uses. */
export interface BrokerLog {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
}
