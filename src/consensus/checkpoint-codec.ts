import type { ValueOf } from '@chainsafe/ssz'
import { DrawbridgeError } from '../core/errors.ts'
import { decodeCommit } from './commit-codec.ts'
import { type BlockRefSchema, CheckpointSchema, type TransactionVoteSchema } from './schema.ts'
import type { BlockRef, Checkpoint, OpenCommit, TransactionVote } from './types.ts'

/** Bytes that are no checkpoint. */
export class MalformedCheckpoint extends DrawbridgeError {
  constructor(cause: unknown) {
    super('MALFORMED_CHECKPOINT', 'The bytes are no checkpoint.', { cause })
  }
}

type RefValue = ValueOf<typeof BlockRefSchema>
type VoteValue = ValueOf<typeof TransactionVoteSchema>

const refToValue = ({ round, author, digest }: BlockRef): RefValue => ({
  round,
  author,
  digest: Buffer.from(digest, 'hex'),
})

const refOf = ({ round, author, digest }: RefValue): BlockRef => ({
  round,
  author,
  digest: Buffer.from(digest).toString('hex'),
})

const voteToValue = ({ block, rejects }: TransactionVote): VoteValue => ({
  block: refToValue(block),
  rejects: [...rejects],
})

const voteOf = ({ block, rejects }: VoteValue): TransactionVote => ({ block: refOf(block), rejects: [...rejects] })

/** SSZ of a checkpoint: see {@link CheckpointSchema}. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  return CheckpointSchema.serialize({
    commit: checkpoint.sealed.bytes,
    leaders: [...checkpoint.leaders],
    lowestRound: checkpoint.gcRound + 1,
    committed: checkpoint.committed.map(refToValue),
    open: checkpoint.open.map(({ sealed, votes }) => ({
      commit: sealed.bytes,
      authors: votes.map(({ author }) => author),
      votes: votes.map(({ vote }) => voteToValue(vote)),
    })),
    ownRound: checkpoint.ownRound === undefined ? [] : [checkpoint.ownRound],
    orphaned: [...checkpoint.orphaned],
  })
}

/**
 * Reads a checkpoint.
 *
 * @throws MalformedCheckpoint when the bytes are none.
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  try {
    const value = CheckpointSchema.deserialize(bytes)
    return {
      sealed: decodeCommit(value.commit),
      leaders: [...value.leaders],
      gcRound: value.lowestRound - 1,
      committed: value.committed.map(refOf),
      open: value.open.map(openOf),
      ownRound: value.ownRound[0],
      orphaned: value.orphaned,
    }
  } catch (cause) {
    throw new MalformedCheckpoint(cause)
  }
}

function openOf(value: ValueOf<typeof CheckpointSchema>['open'][number]): OpenCommit {
  const votes = value.votes.map((vote, at) => ({ author: value.authors[at] ?? 0, vote: voteOf(vote) }))
  return { sealed: decodeCommit(value.commit), votes }
}
