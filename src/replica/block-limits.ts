import { blockLimits, voteBytes } from '../consensus/block-limits.ts'
import type { Committee } from '../consensus/committee.ts'
import type { ConsensusParameters } from '../consensus/parameters.ts'
import { blockRefSize, commitRefSize } from '../consensus/ssz-bytes.ts'
import type { BucketSize } from './token-bucket.ts'

/** Largest frame between validators. Every block has to fit one. */
export const maxFrameBytes = 16 * 1024 * 1024

/** Signature, offsets and the fields of fixed size, rounded up. */
const headBytes = 128

/** Bytes that a block takes at most besides its transactions. */
export function blockOverhead(size: number, parameters: ConsensusParameters): number {
  const { maxTransactionsPerBlock, maxCommitVotesPerBlock } = parameters
  const lists = size * blockRefSize + maxCommitVotesPerBlock * commitRefSize + maxTransactionsPerBlock * 4
  return headBytes + lists + voteBytes(blockLimits({ size }, parameters))
}

/** Bytes of the largest lawful block. */
export function maxBlockBytes({ size }: Pick<Committee, 'size'>, parameters: ConsensusParameters): number {
  return blockOverhead(size, parameters) + parameters.maxTransactionBytesPerBlock
}

/** What one peer's stream may bring. */
export interface StreamLimits {
  readonly blocks: BucketSize
  readonly bytes: BucketSize
}

/** Blocks that a subscriber who was away may get at once. */
const burstBlocks = 1_000
const burstBytes = 16 * 1024 * 1024
/** Honest authors stay below half of what is allowed, whatever their clocks do. */
const slack = 2
/** Without a round delay, rounds still take the time of a message and a sync. */
const shortestRoundMs = 2

/** An author makes at most one block per round delay. */
export function streamLimits(committee: Pick<Committee, 'size'>, parameters: ConsensusParameters): StreamLimits {
  const perSecond = (slack * 1000) / Math.max(shortestRoundMs, parameters.minRoundDelayMs)
  return {
    blocks: { burst: burstBlocks, perSecond },
    bytes: { burst: burstBytes, perSecond: perSecond * maxBlockBytes(committee, parameters) },
  }
}
