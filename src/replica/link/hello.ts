import { DrawbridgeError } from '../../core/errors.ts'

/** The first frame on a link, both ways. */
export interface Hello {
  readonly epoch: number
  /** 32 bytes. */
  readonly committeeDigest: Uint8Array
  readonly authority: number
}

const magic = Buffer.from('drawbridge consensus', 'latin1')
const version = 2
const helloBytes = magic.length + 1 + 8 + 32 + 2

/** `drawbridge consensus`, version u8, epoch u64, committee digest, authority u16; big-endian. */
export function encodeHello(hello: Hello): Uint8Array {
  const bytes = Buffer.alloc(helloBytes)
  magic.copy(bytes)
  let at = bytes.writeUInt8(version, magic.length)
  at = bytes.writeBigUInt64BE(BigInt(hello.epoch), at)
  bytes.set(hello.committeeDigest, at)
  bytes.writeUInt16BE(hello.authority, at + 32)
  return bytes
}

/** @throws DrawbridgeError `HELLO_INVALID` for anything that is not a hello of this version. */
export function decodeHello(frame: Uint8Array): Hello {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  if (bytes.length < magic.length + 1 || !bytes.subarray(0, magic.length).equals(magic)) {
    throw new DrawbridgeError('HELLO_INVALID', 'The peer does not speak the consensus protocol.')
  }
  const theirs = bytes[magic.length]!
  if (theirs !== version || bytes.length !== helloBytes) {
    throw new DrawbridgeError('HELLO_INVALID', `The peer speaks version ${theirs} of the protocol, not ${version}.`)
  }
  const at = magic.length + 1
  return {
    epoch: Number(bytes.readBigUInt64BE(at)),
    committeeDigest: bytes.subarray(at + 8, at + 40),
    authority: bytes.readUInt16BE(at + 40),
  }
}

/** Why a peer's hello does not fit, or undefined. `peer` is the authority that its network key proved. */
export function helloRefusal(theirs: Hello, ours: Hello, peer: number): string | undefined {
  if (theirs.epoch !== ours.epoch) return `the peer is in epoch ${theirs.epoch}, not ${ours.epoch}`
  if (Buffer.compare(theirs.committeeDigest, ours.committeeDigest) !== 0) return 'the peer has another committee file'
  if (theirs.authority !== peer) return `the peer says it is authority ${theirs.authority}, its key is that of ${peer}`
  return undefined
}
