import type { BlockRef, CommitRef, TransactionVote } from './types.ts'

/** Lengths in SSZ. */
export const blockRefSize = 38
export const commitRefSize = 36
/** A vote on the transactions of one block, without what it rejects: its offset, the block, the offset of the list. */
export const transactionVoteSize = 4 + blockRefSize + 4

/** A `uint64` that JavaScript can count. @throws RangeError above 2^53 − 1. */
export function readUint64(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at)
  if (!Number.isSafeInteger(value)) throw new RangeError('number too large')
  return value
}

export function writeUint64(into: Buffer, at: number, value: number): number {
  into.writeUInt32LE(value % 2 ** 32, at)
  return into.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

/** 32 bytes as hex. */
export function readDigest(bytes: Buffer, at: number): string {
  return bytes.toString('hex', at, at + 32)
}

export function writeDigest(into: Buffer, at: number, digest: string): number {
  return at + into.write(digest, at, 32, 'hex')
}

export function readBlockRef(bytes: Buffer, at: number): BlockRef {
  return { round: bytes.readUInt32LE(at), author: bytes.readUInt16LE(at + 4), digest: readDigest(bytes, at + 6) }
}

export function writeBlockRef(into: Buffer, at: number, { round, author, digest }: BlockRef): number {
  into.writeUInt32LE(round, at)
  into.writeUInt16LE(author, at + 4)
  return writeDigest(into, at + 6, digest)
}

export function readCommitRef(bytes: Buffer, at: number): CommitRef {
  return { index: bytes.readUInt32LE(at), digest: readDigest(bytes, at + 4) }
}

export function writeCommitRef(into: Buffer, at: number, { index, digest }: CommitRef): number {
  into.writeUInt32LE(index, at)
  return writeDigest(into, at + 4, digest)
}

/** A list of `size`-byte elements. @throws RangeError when the length does not divide. */
export function readFixedList<Item>(
  bytes: Buffer,
  size: number,
  read: (bytes: Buffer, at: number) => Item,
  maxItems = Number.POSITIVE_INFINITY,
): Item[] {
  if (bytes.length % size !== 0) throw new RangeError('a list has a rest')
  if (bytes.length > size * maxItems) throw new RangeError('too many elements')
  const items: Item[] = []
  for (let at = 0; at < bytes.length; at += size) items.push(read(bytes, at))
  return items
}

/** The elements of a list of variable-length elements. @throws RangeError when the offsets do not fit exactly. */
export function splitList(bytes: Buffer, maxItems = Number.POSITIVE_INFINITY): Buffer[] {
  if (bytes.length === 0) return []
  const first = bytes.readUInt32LE(0)
  if (first === 0 || first % 4 !== 0 || first > bytes.length) throw new RangeError('bad first offset')
  if (first / 4 > maxItems) throw new RangeError('too many elements')
  return Array.from({ length: first / 4 }, (_, index) => {
    const start = bytes.readUInt32LE(4 * index)
    const end = 4 * (index + 1) < first ? bytes.readUInt32LE(4 * (index + 1)) : bytes.length
    return slice(bytes, start, end)
  })
}

/** Like `subarray`, but refuses what lies outside or goes back. @throws RangeError */
export function slice(bytes: Buffer, start: number, end: number): Buffer {
  if (start > end || end > bytes.length) throw new RangeError('an offset lies outside')
  return bytes.subarray(start, end)
}

const voteHead = blockRefSize + 4

/** How many votes there may be, and how many transactions they may reject together. */
export interface VoteLimits {
  readonly transactionVotes?: number
  readonly rejects?: number
}

/** `List[{ block, rejects: List[uint16] }]`. @throws RangeError when it is not canonical. */
export function readTransactionVotes(bytes: Buffer, limits: VoteLimits = {}): TransactionVote[] {
  const { transactionVotes = Number.POSITIVE_INFINITY, rejects: most = Number.POSITIVE_INFINITY } = limits
  // No vote is shorter than its head: bytes that promise more of them need not be taken apart.
  const items = Math.min(transactionVotes, bytes.length / transactionVoteSize)
  if (bytes.length > items * transactionVoteSize + 2 * most) throw new RangeError('too many rejects')
  return splitList(bytes, items).map((vote) => {
    if (vote.readUInt32LE(blockRefSize) !== voteHead) throw new RangeError('bad offset of rejects')
    const rejects = readFixedList(slice(vote, voteHead, vote.length), 2, (part, at) => part.readUInt16LE(at))
    return { block: readBlockRef(vote, 0), rejects }
  })
}

export function sizeOfTransactionVotes(votes: readonly TransactionVote[]): number {
  return votes.reduce((sum, { rejects }) => sum + 4 + voteHead + 2 * rejects.length, 0)
}

export function writeTransactionVotes(into: Buffer, at: number, votes: readonly TransactionVote[]): number {
  let offset = 4 * votes.length
  votes.forEach(({ block, rejects }, index) => {
    into.writeUInt32LE(offset, at + 4 * index)
    let place = writeBlockRef(into, at + offset, block)
    place = into.writeUInt32LE(voteHead, place)
    for (const reject of rejects) place = into.writeUInt16LE(reject, place)
    offset = place - at
  })
  return at + offset
}

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
