import { createHash, hash } from 'node:crypto'
import { DrawbridgeError } from '../core/errors.ts'
import type { BlockLimits } from './block-limits.ts'
import type { Committee } from './committee.ts'
import {
  asBuffer,
  blockRefSize,
  commitRefSize,
  readBlockRef,
  readCommitRef,
  readFixedList,
  readTransactionVotes,
  readUint64,
  sizeOfTransactionVotes,
  slice,
  writeBlockRef,
  writeCommitRef,
  writeTransactionVotes,
  writeUint64,
} from './ssz-bytes.ts'
import { sizeOfTransactions, TransactionViews, writeTransactions } from './transactions.ts'
import type { AuthorityIndex, BlockRef, CommitRef, DagBlock, Round, SignedBlock, TransactionVote } from './types.ts'

/** Bytes that are no block in canonical SSZ. */
export class MalformedBlock extends DrawbridgeError {
  constructor(cause: unknown) {
    super('MALFORMED_BLOCK', 'The bytes are no block in canonical SSZ.', { cause })
  }
}

/** What an author puts into a block. */
export interface BlockFields {
  readonly epoch: number
  readonly round: Round
  readonly author: AuthorityIndex
  readonly timestampMs: number
  readonly ancestors: readonly BlockRef[]
  readonly transactions: readonly Uint8Array[]
  readonly commitVotes: readonly CommitRef[]
  readonly transactionVotes: readonly TransactionVote[]
}

// SignedBlock: offset of the block (4), signature (64). DagBlock: epoch 8, round 4, author 2, time 8, four offsets.
const signatureAt = 4
const blockAt = signatureAt + 64
const listsAt = 22
const headSize = listsAt + 16

/** 32 bytes that the author signs: the unsigned block under the committee's domain. */
function signingRootOf(committee: Committee, unsigned: Buffer): Buffer {
  return createHash('sha256').update(committee.domain).update(unsigned).digest()
}

function digestOf(signingRoot: Uint8Array, signature: Uint8Array): string {
  return hash('sha256', Buffer.concat([signingRoot, signature], 96), 'hex')
}

/**
 * Serializes and signs a block.
 *
 * @param sign ed25519 over the 32 bytes of the signing root
 */
export function sealBlock(
  committee: Committee,
  fields: BlockFields,
  sign: (root: Uint8Array) => Uint8Array,
): SignedBlock {
  const bytes = Buffer.allocUnsafeSlow(sizeOf(fields))
  bytes.writeUInt32LE(blockAt, 0)
  writeBlock(bytes.subarray(blockAt), fields)
  const signingRoot = signingRootOf(committee, bytes.subarray(blockAt))
  bytes.set(sign(signingRoot), signatureAt)
  return assemble(bytes, signingRoot, readBlock(bytes.subarray(blockAt)))
}

function sizeOf({ ancestors, transactions, commitVotes, transactionVotes }: BlockFields): number {
  const fixedLists = ancestors.length * blockRefSize + commitVotes.length * commitRefSize
  return blockAt + headSize + fixedLists + sizeOfTransactions(transactions) + sizeOfTransactionVotes(transactionVotes)
}

function writeBlock(into: Buffer, fields: BlockFields): void {
  writeUint64(into, 0, fields.epoch)
  into.writeUInt32LE(fields.round, 8)
  into.writeUInt16LE(fields.author, 12)
  writeUint64(into, 14, fields.timestampMs)
  let end = into.writeUInt32LE(headSize, listsAt) - listsAt - 4 + headSize
  for (const ref of fields.ancestors) end = writeBlockRef(into, end, ref)
  into.writeUInt32LE(end, listsAt + 4)
  end = writeTransactions(into, end, fields.transactions)
  into.writeUInt32LE(end, listsAt + 8)
  for (const ref of fields.commitVotes) end = writeCommitRef(into, end, ref)
  into.writeUInt32LE(end, listsAt + 12)
  writeTransactionVotes(into, end, fields.transactionVotes)
}

/**
 * Reads a block without copying it: the result keeps `bytes`, which must not change any more. Neither the signature
 * nor the protocol's rules are looked at.
 *
 * @param limits for bytes of a peer: longer lists are not even unpacked
 * @throws MalformedBlock when the bytes are not canonical SSZ, or a list is too long.
 */
export function decodeSignedBlock(bytes: Uint8Array, committee: Committee, limits?: BlockLimits): SignedBlock {
  try {
    const all = asBuffer(bytes)
    if (all.readUInt32LE(0) !== blockAt) throw new RangeError('bad offset of the block')
    const unsigned = slice(all, blockAt, all.length)
    const block = readBlock(unsigned, limits)
    return assemble(all, signingRootOf(committee, unsigned), block)
  } catch (cause) {
    if (cause instanceof RangeError) throw new MalformedBlock(cause)
    throw cause
  }
}

function readBlock(bytes: Buffer, limits?: BlockLimits): DagBlock {
  const offset = (index: number): number => bytes.readUInt32LE(listsAt + 4 * index)
  if (offset(0) !== headSize) throw new RangeError('bad offset of the ancestors')
  return {
    epoch: readUint64(bytes, 0),
    round: bytes.readUInt32LE(8),
    author: bytes.readUInt16LE(12),
    timestampMs: readUint64(bytes, 14),
    ancestors: readFixedList(slice(bytes, offset(0), offset(1)), blockRefSize, readBlockRef, limits?.ancestors),
    transactions: new TransactionViews(slice(bytes, offset(1), offset(2))),
    commitVotes: readFixedList(slice(bytes, offset(2), offset(3)), commitRefSize, readCommitRef, limits?.commitVotes),
    transactionVotes: readTransactionVotes(slice(bytes, offset(3), bytes.length), limits),
  }
}

function assemble(bytes: Buffer, signingRoot: Buffer, block: DagBlock): SignedBlock {
  const signature = bytes.subarray(signatureAt, blockAt)
  const ref = { round: block.round, author: block.author, digest: digestOf(signingRoot, signature) }
  return { ref, block, bytes, signingRoot, signature }
}
