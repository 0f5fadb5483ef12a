import {
  MongoNetworkError, MongoNotConnectedError, MongoServerError, MongoServerSelectionError, MongoTopologyClosedError, MongoWriteConcernError,
} from 'mongodb';

/** The server's codes for "ask again in a moment": a primary that steps down, starts, stops or has no majority. */
const passingCodes: ReadonlySet<number> = new Set([6, 7, 64, 89, 91, 133, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436, 50]);
const awayNames: ReadonlySet<string> = new Set(['MongoPoolClearedError', 'MongoPoolClosedError', 'MongoOperationTimeoutError', 'MongoWaitQueueTimeoutError', 'MongoExpiredSessionError']);

/** A socket that dies under a command may show as itself, not as one of the driver's errors. */
const socketCodes: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

/** True where an error means that the database cannot be reached or has no primary just now: the same again later may succeed. */
export function isDatabaseAway(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError || error instanceof MongoNotConnectedError || error instanceof MongoTopologyClosedError) return true;
  if (error instanceof MongoServerError || error instanceof MongoWriteConcernError) return typeof error.code === 'number' && passingCodes.has(error.code);
  if (typeof error === 'object' && error !== null && 'code' in error && socketCodes.has(error.code)) return true;
  return error instanceof Error && (awayNames.has(error.name) || (error.cause !== undefined && isDatabaseAway(error.cause)));
}
