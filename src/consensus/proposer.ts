import { InvariantError } from '../core/errors.ts'
import { admit } from './admit.ts'
import { sealBlock } from './block-codec.ts'
import { blockLimits } from './block-limits.ts'
import type { DagNode } from './dag.ts'
import { genesisBlocks } from './genesis.ts'
import type { StepOutput } from './output.ts'
import { type ConsensusState, orderedFloorOf } from './state.ts'
import type { BlockRef, ConsensusStatus, Round, SignedBlock } from './types.ts'

/** Why no own block may be made at all, whatever the round. */
export function whyNotProposing({ proposer, seams }: ConsensusState): ConsensusStatus['notProposing'] {
  if (proposer.floor === undefined) return 'ownLastRoundUnknown'
  if (proposer.subscribers === 0 && seams.committee.size > 1) return 'noSubscribers'
  if (proposer.propagationDelay > seams.parameters.maxPropagationDelay) return 'propagationDelay'
  return proposer.backpressure ? 'backpressure' : undefined
}

/** The highest round that an own block has, or may have had in a life we forgot. */
export function lastProposedRound({ proposer }: ConsensusState): Round {
  return Math.max(proposer.last?.ref.round ?? 0, proposer.floor ?? 0)
}

/** Makes the own block of the current round when it is time, or a late one before; true when it did. */
export function tryPropose(state: ConsensusState, nowMs: number, out: StepOutput): boolean {
  const { round } = state.clock
  if (round <= lastProposedRound(state) || whyNotProposing(state) !== undefined) return false
  if (isLateLeader(state, round - 1)) {
    propose(state, round - 1, nowMs, out)
    return true
  }
  const { forcedRound, restedRound } = state.proposer
  const rested = restedRound === round || remainingDelay(state, nowMs) === 0
  if (forcedRound !== round && !(rested && hasLeaders(state, round - 1))) return false
  propose(state, round, nowMs, out)
  return true
}

/**
 * Whether a quorum was faster than we in a round that we lead. Its slot must not stay empty: everybody would wait for it
 * until the leader times out, while a block that is a little late costs nobody anything.
 */
function isLateLeader(state: ConsensusState, round: Round): boolean {
  const { schedule, seams } = state
  if (round <= Math.max(lastProposedRound(state), orderedFloorOf(state) + 1)) return false
  return schedule.leaders(round).includes(seams.own) && hasParentQuorum(state, round)
}

/** Whether what an own block of `round` may still link holds a quorum of the round below. */
function hasParentQuorum(state: ConsensusState, round: Round): boolean {
  const { committee } = state.seams
  const refs = [ownLastRef(state), ...chooseParents(state, round).map(({ ref }) => ref)]
  const parents = refs.filter((ref) => ref.round === round - 1)
  return parents.reduce((stake, { author }) => stake + committee.stake(author), 0) >= committee.quorum
}

/** Milliseconds until the next own block may be made. A clock that jumped back does not make it wait. */
export function remainingDelay({ proposer, seams }: ConsensusState, nowMs: number): number {
  const elapsed = nowMs - proposer.lastMadeMs
  return elapsed < 0 ? 0 : Math.max(0, seams.parameters.minRoundDelayMs - elapsed)
}

function hasLeaders({ schedule, dag, seams }: ConsensusState, round: Round): boolean {
  const { pipelined, waveLength } = seams.parameters
  if (round === 0 || (!pipelined && round % waveLength !== 0)) return true
  return schedule.leaders(round).every((author) => dag.firstAt(round, author) !== undefined)
}

function propose(state: ConsensusState, round: Round, nowMs: number, out: StepOutput): void {
  const { committee, own, parameters } = state.seams
  const parents = chooseParents(state, round)
  const ancestors = [ownLastRef(state), ...parents.map(({ ref }) => ref)]
  const block = sealBlock(
    committee,
    {
      epoch: committee.epoch,
      round,
      author: own,
      timestampMs: Math.max(Math.floor(nowMs), state.proposer.last?.block.timestampMs ?? 0),
      ancestors,
      transactions: takeTransactions(state),
      commitVotes: state.commitVotes.take(parameters.maxCommitVotesPerBlock),
      transactionVotes: state.ownVotes?.take(parents, blockLimits(committee, parameters)) ?? [],
    },
    (root) => state.seams.sign(root),
  )
  state.proposer.lastMadeMs = nowMs
  accept(state, block, out)
}

/** First those that an earlier own block held in vain, then new ones. */
function takeTransactions({ seams, ownBlocks }: ConsensusState): readonly Uint8Array[] {
  const { maxTransactionsPerBlock, maxTransactionBytesPerBlock } = seams.parameters
  const again = ownBlocks.take(maxTransactionsPerBlock, maxTransactionBytesPerBlock)
  const count = maxTransactionsPerBlock - again.length
  const byteLength = maxTransactionBytesPerBlock - sizeOf(again)
  const taken = seams.transactions.take(count, byteLength)
  if (taken.length > count || sizeOf(taken) > byteLength) {
    const given = { count: taken.length, size: sizeOf(taken) }
    throw new InvariantError('The transaction source gave more than was asked for.', given)
  }
  return again.length === 0 ? taken : [...again, ...taken]
}

function sizeOf(transactions: readonly Uint8Array[]): number {
  return transactions.reduce((sum, { length }) => sum + length, 0)
}

function accept(state: ConsensusState, block: SignedBlock, out: StepOutput): void {
  const { accepted, missing } = state.manager.receive(block)
  if (accepted.length === 0) throw new InvariantError('Our own block was not accepted.', { ref: block.ref, missing })
  state.monitor.observe(block)
  state.ownBlocks.add(block)
  admit(state, accepted, out, true)
  out.effect({ type: 'broadcast', block })
}

/** Our last block, or our genesis when no block of ours is known. */
function ownLastRef({ proposer, seams }: ConsensusState): BlockRef {
  const genesis = genesisBlocks(seams.committee)[seams.own]
  const ref = proposer.last?.ref ?? genesis?.ref
  if (ref === undefined) throw new InvariantError('We are no member of the committee.', { own: seams.own })
  return ref
}

/** Of every other author its highest block below `round` that no own block has linked; of siblings the first seen. */
function chooseParents(state: ConsensusState, round: Round): readonly DagNode<SignedBlock>[] {
  const { seams, dag, proposer } = state
  const parents: DagNode<SignedBlock>[] = []
  for (let author = 0; author < seams.committee.size; author++) {
    if (author === seams.own) continue
    // Genesis blocks are linked by the first round only.
    const lowest = round === 1 ? 0 : Math.max((proposer.linked[author] ?? 0) + 1, orderedFloorOf(state) + 1)
    const parent = highestBlock(state, author, Math.min(round - 1, dag.highestRoundOf(author)), lowest)
    if (parent !== undefined) parents.push(parent)
  }
  return parents
}

function highestBlock(
  { dag }: ConsensusState,
  author: number,
  from: Round,
  lowest: Round,
): DagNode<SignedBlock> | undefined {
  for (let round = from; round >= lowest; round--) {
    const node = dag.firstAt(round, author)
    if (node !== undefined) return node
  }
  return undefined
}

/** Sets the timers of a round that has begun and whose own block is still to be made. */
export function armTimers(state: ConsensusState, nowMs: number, out: StepOutput): void {
  const { round } = state.clock
  if (state.proposer.armedRound === round || round <= lastProposedRound(state)) return
  state.proposer.armedRound = round
  const delay = remainingDelay(state, nowMs)
  if (delay > 0) out.effect({ type: 'setTimer', kind: 'minRoundDelay', round, afterMs: delay })
  const { leaderTimeoutMs } = state.seams.parameters
  out.effect({ type: 'setTimer', kind: 'leaderTimeout', round, afterMs: Math.max(delay, leaderTimeoutMs) })
}
