import { hash } from 'node:crypto'
import { DrawbridgeError } from '../core/errors.ts'
import {
  asBuffer,
  blockRefSize,
  readBlockRef,
  readDigest,
  readFixedList,
  readTransactionVotes,
  readUint64,
  sizeOfTransactionVotes,
  slice,
  writeBlockRef,
  writeDigest,
  writeTransactionVotes,
  writeUint64,
} from './ssz-bytes.ts'
import type { Commit, CommitRef, SealedCommit } from './types.ts'

/** Bytes that are no commit in canonical SSZ. */
export class MalformedCommit extends DrawbridgeError {
  constructor(cause: unknown) {
    super('MALFORMED_COMMIT', 'The bytes are no commit in canonical SSZ.', { cause })
  }
}

/** A commit by its name and what it follows; what it orders has not been looked at. */
export interface CommitLink {
  readonly ref: CommitRef
  readonly commit: Pick<Commit, 'index' | 'previousDigest'>
}

/** What the first commit follows: index 0, 64 zeros. */
export const beforeFirstCommit: CommitRef = { index: 0, digest: '0'.repeat(64) }

// index 4, previous digest 32, time 8, leader 38, then offsets of blocks, rejected and scores.
const leaderAt = 44
const listsAt = leaderAt + blockRefSize
const headSize = listsAt + 12

/** Serializes a commit and names it by the SHA-256 of its SSZ bytes. */
export function sealCommit(commit: Commit): SealedCommit {
  const { blocks, rejected, scores } = commit
  const size = headSize + blocks.length * blockRefSize + sizeOfTransactionVotes(rejected) + scores.length * 8
  const bytes = Buffer.allocUnsafeSlow(size)
  bytes.writeUInt32LE(commit.index, 0)
  writeDigest(bytes, 4, commit.previousDigest)
  writeUint64(bytes, 36, commit.timestampMs)
  writeBlockRef(bytes, leaderAt, commit.leader)
  bytes.writeUInt32LE(headSize, listsAt)
  let end = headSize
  for (const ref of blocks) end = writeBlockRef(bytes, end, ref)
  bytes.writeUInt32LE(end, listsAt + 4)
  end = writeTransactionVotes(bytes, end, rejected)
  bytes.writeUInt32LE(end, listsAt + 8)
  for (const score of scores) end = writeUint64(bytes, end, score)
  return { ref: { index: commit.index, digest: hash('sha256', bytes, 'hex') }, commit, bytes }
}

/**
 * Reads a commit from SSZ. Whether the committee agreed on it is {@link verifyCommits}' business.
 *
 * @throws MalformedCommit when the bytes are not canonical SSZ.
 */
export function decodeCommit(bytes: Uint8Array): SealedCommit {
  try {
    const commit = readCommit(asBuffer(bytes))
    return { ref: { index: commit.index, digest: hash('sha256', bytes, 'hex') }, commit, bytes }
  } catch (cause) {
    if (cause instanceof RangeError) throw new MalformedCommit(cause)
    throw cause
  }
}

/**
 * Reads no more of a commit than its chain of digests needs: until a quorum's votes have proven it, a peer may have
 * written anything into its lists.
 *
 * @throws MalformedCommit when it is shorter than a commit is.
 */
export function readCommitLink(bytes: Uint8Array): CommitLink {
  const all = asBuffer(bytes)
  if (all.length < headSize) throw new MalformedCommit(new RangeError('too short'))
  const index = all.readUInt32LE(0)
  return {
    ref: { index, digest: hash('sha256', bytes, 'hex') },
    commit: { index, previousDigest: readDigest(all, 4) },
  }
}

function readCommit(bytes: Buffer): Commit {
  const offset = (index: number): number => bytes.readUInt32LE(listsAt + 4 * index)
  if (offset(0) !== headSize) throw new RangeError('bad offset of the blocks')
  return {
    index: bytes.readUInt32LE(0),
    previousDigest: readDigest(bytes, 4),
    timestampMs: readUint64(bytes, 36),
    leader: readBlockRef(bytes, leaderAt),
    blocks: readFixedList(slice(bytes, offset(0), offset(1)), blockRefSize, readBlockRef),
    rejected: readTransactionVotes(slice(bytes, offset(1), offset(2))),
    scores: readFixedList(slice(bytes, offset(2), bytes.length), 8, readUint64),
  }
}
