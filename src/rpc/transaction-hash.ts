import { keccak_256 } from '@noble/hashes/sha3.js'

const blobTransaction = 0x03

/**
 * The hash of a raw transaction as `eth_sendRawTransaction` takes it; undefined when the text is no hex. A blob
 * transaction travels with its blobs (EIP-4844, "Networking"; EIP-7594): they are no part of what is hashed.
 *
 * @param raw 0x-prefixed hex
 * @returns 0x-prefixed hash, lower case
 */
export function transactionHash(raw: string): string | undefined {
  if (!/^0x(?:[0-9a-f]{2})+$/i.test(raw)) return undefined
  const bytes = Buffer.from(raw.slice(2), 'hex')
  return `0x${Buffer.from(keccak_256(hashedPart(bytes))).toString('hex')}`
}

function hashedPart(bytes: Buffer): Buffer {
  if (bytes[0] !== blobTransaction) return bytes
  const outer = rlpList(bytes, 1)
  const inner = outer === undefined ? undefined : rlpList(bytes, outer.start)
  return inner === undefined ? bytes : Buffer.concat([bytes.subarray(0, 1), bytes.subarray(outer!.start, inner.end)])
}

/** Where the content of an RLP list that begins at `at` starts and ends; undefined when there is no list. */
function rlpList(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  const prefix = bytes[at]
  if (prefix === undefined || prefix < 0xc0) return undefined
  if (prefix < 0xf8) return { start: at + 1, end: at + 1 + prefix - 0xc0 }
  const sizeBytes = prefix - 0xf7
  if (sizeBytes > 6 || at + 1 + sizeBytes > bytes.length) return undefined
  const start = at + 1 + sizeBytes
  return { start, end: start + bytes.readUIntBE(at + 1, sizeBytes) }
}
