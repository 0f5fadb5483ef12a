import type { FailureClass } from '@gleaner/contracts';

const timeouts: ReadonlySet<string> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT']);
const bodies: ReadonlySet<string> = new Set(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT', 'ERR_PADDING_2']);
const certificates =
  /^(CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|CRL_|ERROR_IN_CERT|ERROR_IN_CRL|EPROTO$)/;

/** The failure class of an error that a connection or a decoder ended with, by its code; what is unknown counts as the network's. */
export function classifyNetworkError(code: string | undefined): FailureClass {
  if (code === undefined) return 'network';
  if (timeouts.has(code)) return 'timeout';
  if (certificates.test(code)) return 'tls';
  if (bodies.has(code) || /^(ERR__ERROR_FORMAT|ERR_BROTLI|ERR_.*PADDING|ZSTD_)/.test(code)) return 'bad_body';
  return 'network';
}
