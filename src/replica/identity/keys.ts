import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { DrawbridgeError } from '../../core/errors.ts'

// An ed25519 key in PKCS #8 and SPKI form is a fixed prefix and 32 bytes (RFC 8410).
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** A fresh ed25519 private key: its 32 bytes. */
export function newPrivateKey(): Uint8Array {
  const { privateKey } = generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(privatePrefix.length)
}

/** The key object of 32 private bytes. */
export function privateKeyFrom(bytes: Uint8Array): KeyObject {
  requireLength(bytes, 'private')
  return createPrivateKey({ key: Buffer.concat([privatePrefix, bytes]), format: 'der', type: 'pkcs8' })
}

/** The key object of 32 public bytes. */
export function publicKeyFrom(bytes: Uint8Array): KeyObject {
  requireLength(bytes, 'public')
  return createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' })
}

/** The 32 public bytes of a private or public ed25519 key; undefined for a key of another kind. */
export function publicBytesOf(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  const open = key.type === 'private' ? createPublicKey(key) : key
  return open.export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)
}

function requireLength(bytes: Uint8Array, kind: string): void {
  if (bytes.length === 32) return
  throw new DrawbridgeError('KEY_INVALID', `An ed25519 ${kind} key has 32 bytes, not ${bytes.length}.`)
}
