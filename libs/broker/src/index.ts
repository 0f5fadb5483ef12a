export { BrokerError } from './brokerError.ts';
export type { BrokerErrorCode } from './brokerError.ts';
export type { BrokerLog } from './brokerLog.ts';
export type * from './brokerTypes.ts';
export { connectBroker } from './connectBroker.ts';
export type { ConnectOptions } from './connectBroker.ts';
export { messageHeaders } from './messageHeaders.ts';
export { dead, done, handBack, retry } from './outcome.ts';
export type { Outcome } from './outcome.ts';
