/** Why no connection came about, in words, by the code of the error that Node gives. What is not here has no words. */
const words: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host could not be looked up now',
  EAI_NODATA: 'the name of the host has no address',
  EHOSTUNREACH: 'no way leads to the host',
  ENETUNREACH: 'no way leads to the network of the host',
  EHOSTDOWN: 'the host is down',
  ETIMEDOUT: 'the host does not answer',
  EADDRNOTAVAIL: 'no local address or port is free',
  EMFILE: 'this process has too many files open',
  ENFILE: 'this machine has too many files open',
  EACCES: 'this machine forbids it',
  EPERM: 'this machine forbids it',
  ECONNRESET: 'the other side closed the connection',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'nobody known here vouches for its certificate: one of its chain may be missing',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: look at the clocks',
  CERT_REVOKED: 'its certificate has been revoked',
  CERT_UNTRUSTED: 'its certificate is not trusted',
  CERT_REJECTED: 'its certificate is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  HOSTNAME_MISMATCH: 'its certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: perhaps the URL should begin with http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: perhaps the URL should begin with http',
  ERR_SSL_RECORD_LAYER_FAILURE: 'it does not speak TLS: perhaps the URL should begin with http',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks no version of TLS that is in use',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks no version of TLS that is in use',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    'the two sides have no cipher in common, or it asks for a certificate of ours',
}

const close = 'the other side closed the connection'

/**
 * Why no connection came about, as a person reads it; undefined when nothing is known. No name, address or text of the
 * other side is in it.
 *
 * @param tcpDone only the TLS handshake was missing
 */
export function describeDialCause(cause: unknown, tcpDone: boolean): string | undefined {
  if (cause === undefined) return tcpDone ? close : undefined
  const { code } = cause as NodeJS.ErrnoException
  if (code === undefined) return undefined
  return words[code] ?? (/ALERT/.test(code) ? 'the other side refused the handshake' : undefined)
}
