/** Codes of a handshake whose other side does not speak TLS. */
const NO_TLS = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** Codes of a certificate that no known authority has signed. */
const UNKNOWN_AUTHORITY = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Codes of a connection that the other side ended. */
const ENDED = new Set(['ECONNRESET', 'EPIPE', undefined]);

/** What to do about a handshake of TLS that got no answer. */
export const PLAIN_PORT_HINT = '; is it a port without TLS?';

/**
 * Returns what to do about a lost connection if TLS may be the cause, for the end of its error; else an empty text.
 * @param code of the socket's error; undefined if the server closed the connection
 * @param hasAnswered whether the server has replied to a command
 */
export function tlsHint(code: string | undefined, usesTls: boolean, hasAnswered: boolean): string {
  if (!usesTls)
    return !hasAnswered && ENDED.has(code) ? '; is it a TLS port? Then use rediss:// or the option tls' : '';
  if (code === undefined) return '';
  if (NO_TLS.has(code)) return PLAIN_PORT_HINT;
  if (UNKNOWN_AUTHORITY.has(code))
    return '; set tls.ca to the certificate of the authority that has signed those of the nodes';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return '; have the nodes announce the host names of their certificates, or set tls.servername';
  return '';
}
