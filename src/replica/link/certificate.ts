import { createPublicKey, type KeyObject, sign } from 'node:crypto'

/*
 * A self-signed X.509 v3 certificate for an ed25519 key (RFC 5280, RFC 8410). TLS wants a certificate; the committee
 * trusts the key in it and nothing else, so there is no authority, no name to check and no expiry. Node can read
 * certificates but not make them, hence these few lines of DER.
 */

const tag = { integer: 0x02, bitString: 0x03, oid: 0x06, utf8: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 } as const

/** Object identifiers, already encoded: id-Ed25519 1.3.101.112, commonName 2.5.4.3. */
const ed25519Oid = Uint8Array.of(0x2b, 0x65, 0x70)
const commonNameOid = Uint8Array.of(0x55, 0x04, 0x03)

/**
 * A certificate that binds `commonName` to `privateKey`, valid for ever. The same arguments give the same bytes.
 *
 * @param privateKey an ed25519 private key
 * @returns PEM, as `node:tls` takes it
 */
export function selfSignedCertificate(privateKey: KeyObject, commonName: string): string {
  const algorithm = der(tag.sequence, der(tag.oid, ed25519Oid))
  const name = distinguishedName(commonName)
  const certified = der(
    tag.sequence,
    der(0xa0, der(tag.integer, Uint8Array.of(2))), // v3
    der(tag.integer, Uint8Array.of(1)),
    algorithm,
    name,
    der(tag.sequence, generalizedTime('20000101000000Z'), generalizedTime('99991231235959Z')),
    name,
    createPublicKey(privateKey).export({ format: 'der', type: 'spki' }),
  )
  const signature = sign(null, certified, privateKey)
  return pem(der(tag.sequence, certified, algorithm, der(tag.bitString, Uint8Array.of(0), signature)))
}

function distinguishedName(commonName: string): Buffer {
  const attribute = der(tag.sequence, der(tag.oid, commonNameOid), der(tag.utf8, Buffer.from(commonName)))
  return der(tag.sequence, der(tag.set, attribute))
}

function generalizedTime(text: string): Buffer {
  return der(tag.time, Buffer.from(text, 'latin1'))
}

function der(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Uint8Array.of(type), lengthOf(content.length), content])
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  return length < 0x100 ? Uint8Array.of(0x81, length) : Uint8Array.of(0x82, length >> 8, length & 0xff)
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
