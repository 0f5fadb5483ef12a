import { withoutPassword } from '@gleaner/contracts';
import { BrokerError } from './brokerError.ts';

/**
 * Names what stood against a connection and what to do about it. `access_refused` and `no_such_vhost` will not heal by themselves;
 * everything else counts as `unreachable` and may.
 */
export function connectFault(error: unknown, url: string): BrokerError {
  const where = withoutPassword(url);
  const code = replyCode(error);
  const options = { cause: error, details: { url: where } };
  if (code === 403) return new BrokerError('access_refused', `the broker at ${where} refused user or password: check AMQP_URL`, options);
  if (code === 530 || refusedVhost(error)) return new BrokerError('no_such_vhost', `the broker at ${where} has no such virtual host, or the user may not use it: check the path of AMQP_URL`, options);
  return new BrokerError('unreachable', `no broker answers at ${where}: is it running, and is AMQP_URL right?`, options);
}

/** True where trying again cannot help until somebody changes something. */
export const isPermanent = (error: BrokerError): boolean => error.code === 'access_refused' || error.code === 'no_such_vhost';

/** amqplib tells of a connection that the broker closed while opening the virtual host only by this text, without the code. */
const refusedVhost = (error: unknown): boolean => error instanceof Error && error.message.startsWith('Expected ConnectionOpenOk; got <ConnectionClose');

/** AMQP reply code of an error, where the broker sent one. */
export function replyCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'number') return error.code;
  // amqplib puts the code of a refused handshake nowhere but into its text: "Handshake terminated by server: 403 (ACCESS-REFUSED) …".
  const match = /by server: (\d{3})\b/.exec(error.message);
  return match ? Number(match[1]) : undefined;
}
