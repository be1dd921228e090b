import { lastProposedRound, whyNotProposing } from './proposer.ts'
import { type ConsensusState, gcRoundOf } from './state.ts'
import type { AuthorityIndex, BlockRef, ConsensusStatus, Round, SignedBlock } from './types.ts'

/** What operators see. */
export function statusOf(state: ConsensusState): ConsensusStatus {
  return {
    round: state.clock.round,
    lastProposedRound: lastProposedRound(state),
    lastCommit: state.head.ref,
    lastCommitRound: state.head.leaderRound,
    lastCommitTimestampMs: state.head.timestampMs,
    lastDeliveredIndex: state.lastDeliveredIndex,
    quorumCommitIndex: state.monitor.quorumIndex,
    gcRound: gcRoundOf(state),
    leaders: { ...state.leaders },
    dagBlocks: state.dag.blocks,
    suspendedBlocks: state.manager.suspendedBlocks,
    suspendedBytes: state.manager.suspendedBytes,
    missingBlocks: state.manager.missing().length,
    equivocations: state.equivocations,
    refused: [...state.refused.values()].map((counted) => ({ ...counted })),
    notProposing: whyNotProposing(state),
    retention: state.retention,
  }
}

/** Whether some waiting block still needs this ancestor. */
export function isMissing(state: ConsensusState, ref: BlockRef): boolean {
  return state.manager.isMissing(ref)
}

/** Ancestors that some waiting block still needs, lowest round first, with a share for each author, at most `limit`. */
export function missingBlocks(state: ConsensusState, limit?: number): readonly BlockRef[] {
  return state.manager.missing(limit)
}

/** An accepted block that is still in memory. */
export function blockOf(state: ConsensusState, ref: BlockRef): SignedBlock | undefined {
  return state.dag.find(ref)?.content
}

/** The author's blocks in memory above `after`, lowest first, siblings included. */
export function blocksOfAuthor(state: ConsensusState, author: AuthorityIndex, after: Round): readonly SignedBlock[] {
  const blocks: SignedBlock[] = []
  for (let round = Math.max(after + 1, gcRoundOf(state) + 1); round <= state.dag.highestRound; round++) {
    for (const node of state.dag.siblingsAt(round, author)) blocks.push(node.content)
  }
  return blocks
}

/** Whether the block has come, accepted or waiting, or is of a collected round. */
export function isHeld(state: ConsensusState, ref: BlockRef): boolean {
  return ref.round <= gcRoundOf(state) || state.dag.find(ref) !== undefined || state.manager.isWaiting(ref)
}

/** References of accepted blocks above a round, lowest first, at most `limit`. */
export function heldBlocks(
  state: ConsensusState,
  above: Round,
  limit: number,
  mayShow: (ref: BlockRef) => boolean,
): readonly BlockRef[] {
  const refs: BlockRef[] = []
  for (let round = Math.max(above + 1, 1, state.dag.lowestRound); round <= state.dag.highestRound; round++) {
    for (const { ref } of state.dag.blocksAt(round)) {
      if (refs.length >= limit) return refs
      if (mayShow(ref)) refs.push(ref)
    }
  }
  return refs
}

/** All blocks in memory, lowest round first, in order of arrival within a round. */
export function* blocksInMemory(state: ConsensusState): Generator<{ block: SignedBlock; committed: boolean }> {
  for (let round = state.dag.lowestRound; round <= state.dag.highestRound; round++) {
    for (const { content, committed } of state.dag.blocksAt(round)) yield { block: content, committed }
  }
}

/** By authority, the highest round of which a block was accepted. */
export function highestAcceptedRounds(state: ConsensusState): readonly Round[] {
  return Array.from({ length: state.dag.size }, (_, author) => state.dag.highestRoundOf(author))
}

/** The highest own block known, if any. */
export function ownLastBlock(state: ConsensusState): SignedBlock | undefined {
  return state.proposer.last
}

/** The leaders of a round under the newest schedule. */
export function leadersOf(state: ConsensusState, round: Round): readonly AuthorityIndex[] {
  return state.schedule.leaders(round)
}

/** Reputation since the schedule began, by authority. */
export function reputationOf(state: ConsensusState): readonly number[] {
  return state.reputation.scores
}
