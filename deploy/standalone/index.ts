export {cacheDirectory} from './cacheDirectory.ts';
export {freePort} from './freePort.ts';
export {initiateReplicaSet} from './initiateReplicaSet.ts';
export {processLives} from './processes.ts';
export {provideMongod} from './provideMongod.ts';
export type {ProvidedServer} from './providedServer.ts';
export {provideRabbitmq} from './provideRabbitmq.ts';
export type {ProvidedRabbitmq} from './provideRabbitmq.ts';
export {answersAmqp} from './rabbitmqProgram.ts';
