import { receiveBlocks } from './admit.ts'
import { commitCertified, commitDecided, noteVoters, trustOwnCommit } from './commit.ts'
import { StepOutput } from './output.ts'
import { armTimers, tryPropose } from './proposer.ts'
import { type ConsensusState, newState } from './state.ts'
import type { ConsensusEffect, ConsensusEvent, ConsensusSeams, Round } from './types.ts'

export { recoverConsensus } from './recovery.ts'
export type { ConsensusState } from './state.ts'

/**
 * A validator whose disk is empty. It proposes nothing until it hears `ownLastRoundLearned` and has a subscriber.
 *
 * @example
 * const state = createConsensus(seams)
 * perform(step(state, { type: 'start' }, clock.wall()))
 */
export function createConsensus(seams: ConsensusSeams): ConsensusState {
  return newState(seams, 0)
}

/**
 * One thing happens to the validator. The only function that changes a state; it waits for nothing.
 *
 * @param nowMs wall clock in milliseconds: the timestamp of an own block made in this step
 * @returns what to do, in this order; see {@link ConsensusEffect}
 * @throws InvariantError when the protocol itself is broken: a bug, or more than a third of the stake cheats. The state
 * is of no use afterwards.
 */
export function step(state: ConsensusState, event: ConsensusEvent, nowMs: number): ConsensusEffect[] {
  const out = new StepOutput()
  take(state, event, out)
  advance(state, nowMs, out)
  return out.effects()
}

function take(state: ConsensusState, event: ConsensusEvent, out: StepOutput): void {
  switch (event.type) {
    case 'start':
      sendLastAgain(state, out)
      break
    case 'blocks':
      receiveBlocks(state, event.from, event.blocks, out)
      break
    case 'certifiedCommits':
      commitCertified(state, event.commits, out)
      break
    case 'commitVotes':
      noteVoters(state, event.blocks, out)
      break
    case 'standstill':
      state.takesAll = true
      break
    case 'stalled':
      trustOwnCommit(state, out)
      break
    case 'ownLastRoundLearned':
      learnOwnRound(state, event.round, out)
      break
    default:
      note(state, event)
  }
}

type Noted = Extract<
  ConsensusEvent,
  { type: 'timer' } | { type: 'subscribers' } | { type: 'propagationDelay' } | { type: 'backpressure' }
>

function note({ proposer }: ConsensusState, event: Noted): void {
  switch (event.type) {
    case 'timer':
      if (event.kind === 'leaderTimeout') proposer.forcedRound = Math.max(proposer.forcedRound, event.round)
      else proposer.restedRound = Math.max(proposer.restedRound, event.round)
      return
    case 'subscribers':
      proposer.subscribers = event.count
      return
    case 'propagationDelay':
      proposer.propagationDelay = event.rounds
      return
    case 'backpressure':
      proposer.backpressure = event.on
  }
}

function sendLastAgain({ proposer }: ConsensusState, out: StepOutput): void {
  if (proposer.last !== undefined) out.effect({ type: 'broadcast', block: proposer.last })
}

function learnOwnRound({ proposer }: ConsensusState, round: Round, out: StepOutput): void {
  proposer.floor = Math.max(proposer.floor ?? 0, round)
  out.record({ type: 'ownRound', round: proposer.floor })
}

/** Commits and proposes until neither brings anything new. */
function advance(state: ConsensusState, nowMs: number, out: StepOutput): void {
  const { committee, own } = state.seams
  // Alone a quorum, a validator would go from round to round for ever.
  const mayRepeat = committee.stake(own) < committee.quorum
  commitDecided(state, out)
  while (tryPropose(state, nowMs, out)) {
    commitDecided(state, out)
    if (!mayRepeat) break
  }
  armTimers(state, nowMs, out)
}
