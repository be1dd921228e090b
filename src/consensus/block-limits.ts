import type { Committee } from './committee.ts'
import type { ConsensusParameters } from './parameters.ts'
import { transactionVoteSize } from './ssz-bytes.ts'

/** How long the lists of a block may be. */
export interface BlockLimits {
  readonly ancestors: number
  readonly commitVotes: number
  /** Blocks that are voted on: 0 while the committee does not vote. */
  readonly transactionVotes: number
  /** Rejected transactions of all votes together. */
  readonly rejects: number
}

/** Full blocks whose transactions one block may reject all of. */
const rejectedBlocks = 16

/** The limits that every validator of a committee keeps, and enforces. */
export function blockLimits({ size }: Pick<Committee, 'size'>, parameters: ConsensusParameters): BlockLimits {
  const { maxCommitVotesPerBlock, maxTransactionsPerBlock, transactionVoting, gcDepth } = parameters
  return {
    ancestors: size,
    commitVotes: maxCommitVotesPerBlock,
    transactionVotes: transactionVoting ? size * gcDepth : 0,
    rejects: transactionVoting ? rejectedBlocks * maxTransactionsPerBlock : 0,
  }
}

/** Bytes that votes on transactions take at most. */
export function voteBytes({ transactionVotes, rejects }: BlockLimits): number {
  return transactionVotes * transactionVoteSize + rejects * 2
}
