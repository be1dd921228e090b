import { InvariantError } from '../core/errors.ts'
import { admit } from './admit.ts'
import { sealCommit } from './commit-codec.ts'
import type { Decision } from './committer.ts'
import type { DagNode } from './dag.ts'
import { commitTimestamp, linearize } from './linearizer.ts'
import type { StepOutput } from './output.ts'
import type { ClosedCommit } from './rejections.ts'
import { type ConsensusState, gcRoundOf, orderedFloorOf } from './state.ts'
import { subDagOf } from './sub-dag.ts'
import type { BlockRef, CertifiedCommit, Checkpoint, SealedCommit, SignedBlock } from './types.ts'

/** Commits between checkpoints when the leader schedule never changes. */
const checkpointInterval = 300

/** Commits every leader that the DAG decides now, and collects what a quorum has left behind. */
export function commitDecided(state: ConsensusState, out: StepOutput): void {
  do commitOpen(state, out)
  while (collect(state, out))
}

function commitOpen(state: ConsensusState, out: StepOutput): void {
  for (let decisions = decide(state); decisions.length > 0; decisions = decide(state)) {
    for (const decision of decisions) {
      const newSchedule = settle(state, decision, out)
      // Later leaders were found under the schedule that has just ended.
      if (newSchedule) break
    }
    state.committer.forget(state.lastDecided.round - 1)
  }
}

function decide(state: ConsensusState): readonly Decision[] {
  return state.committer.decide(state.lastDecided)
}

function settle(state: ConsensusState, { round, offset, direct, block }: Decision, out: StepOutput): boolean {
  state.lastDecided = { round, offset }
  if (block === undefined) {
    state.leaders[direct ? 'skippedDirect' : 'skippedIndirect']++
    return false
  }
  state.leaders[direct ? 'committedDirect' : 'committedIndirect']++
  return commitLeader(state, block as DagNode<SignedBlock>, out)
}

/** Orders what a leader newly brings; true when a new leader schedule begins. */
function commitLeader(
  state: ConsensusState,
  leader: DagNode<SignedBlock>,
  out: StepOutput,
  expected?: SealedCommit,
): boolean {
  const { commitsPerSchedule, transactionVoting } = state.seams.parameters
  const floor = orderedFloorOf(state)
  const ordered = linearize(leader, floor)
  if (commitsPerSchedule > 0) state.reputation.add(leader, ordered, floor)
  const closed = transactionVoting ? state.rejections.close(leader.round, ordered) : []
  const sealed = sealNext(state, leader, ordered, closed)
  if (expected !== undefined) assertSame(expected, sealed)
  const blocks = ordered.map(({ content }) => content)
  record(state, sealed, out)
  deliver(state, sealed, closed, blocks, out)
  return endCommit(state, sealed, out)
}

function endsSchedule({ seams }: ConsensusState, index: number): boolean {
  const { commitsPerSchedule } = seams.parameters
  return commitsPerSchedule > 0 && index % commitsPerSchedule === 0
}

function sealNext(
  state: ConsensusState,
  leader: DagNode<SignedBlock>,
  ordered: readonly DagNode<SignedBlock>[],
  closed: readonly ClosedCommit[],
): SealedCommit {
  const { head, seams, reputation } = state
  const index = head.ref.index + 1
  return sealCommit({
    index,
    previousDigest: head.ref.digest,
    timestampMs: commitTimestamp(leader, seams.committee.stake, head.timestampMs),
    leader: leader.ref,
    blocks: ordered.map(({ ref }) => ref),
    rejected: closed.flatMap(({ rejected }) => rejected),
    scores: endsSchedule(state, index) ? reputation.scores : [],
  })
}

function assertSame(expected: SealedCommit, made: SealedCommit): void {
  if (expected.ref.digest === made.ref.digest) return
  const told = ({ ref, commit: { leader, blocks, ...rest } }: SealedCommit) => ({
    ref,
    leader,
    ...rest,
    blocks: blocks.length,
  })
  throw new InvariantError('A commit that a quorum voted for is not the one we make of the same leader.', {
    expected: told(expected),
    made: told(made),
  })
}

/** Collects, and at the end of a schedule begins the next; true when it did. */
function endCommit(state: ConsensusState, sealed: SealedCommit, out: StepOutput): boolean {
  const { index, leader, scores } = sealed.commit
  const ends = endsSchedule(state, index)
  if (ends) {
    state.schedule.update(scores, leader.round, index)
    state.reputation.reset()
  }
  collect(state, out)
  if (ends) state.committer.recount(leader.round)
  const interval = state.seams.parameters.commitsPerSchedule || checkpointInterval
  if (index % interval === 0) checkpoint(state, sealed, out)
  return ends
}

function record(state: ConsensusState, sealed: SealedCommit, out: StepOutput): void {
  const { leader, timestampMs } = sealed.commit
  state.head = { ref: sealed.ref, leaderRound: leader.round, timestampMs }
  state.commitVotes.add(sealed.ref)
  state.certificates.add(sealed.ref, leader.round)
  out.record({ type: 'commit', sealed })
}

function deliver(
  state: ConsensusState,
  sealed: SealedCommit,
  closed: readonly ClosedCommit[],
  blocks: readonly SignedBlock[],
  out: StepOutput,
): void {
  if (state.seams.parameters.transactionVoting) state.rejections.open(sealed, blocks)
  const ready = state.seams.parameters.transactionVoting ? closed : [{ sealed, blocks, rejected: [] }]
  for (const { sealed: commit, blocks: content, rejected } of ready) {
    out.effect({ type: 'deliver', subDag: subDagOf(commit, content, rejected) })
    state.lastDeliveredIndex = commit.ref.index
  }
}

/**
 * Lets go of what no leader can order any more, and accepts blocks that waited only for such; true when there were any.
 * From then on ancestors down there are taken on trust, so it waits until a quorum has voted for the commit: what we
 * accept, everybody else must be able to accept too.
 */
export function collect(state: ConsensusState, out: StepOutput): boolean {
  const gcRound = state.certificates.head.leaderRound - state.seams.parameters.gcDepth
  if (gcRound <= gcRoundOf(state)) return false
  state.ownBlocks.collect(gcRound, (ref) => state.dag.find(ref)?.committed === true)
  state.dag.collect(gcRound)
  state.reputation.collect(gcRound)
  state.ownVotes?.collect(gcRound)
  for (const round of state.evidence.keys()) if (round <= gcRound) state.evidence.delete(round)
  out.effect({ type: 'collected', gcRound })
  const accepted = state.manager.collect()
  admit(state, accepted, out)
  return accepted.length > 0
}

function checkpoint(state: ConsensusState, sealed: SealedCommit, out: StepOutput): void {
  const { dag, proposer } = state
  const gcRound = gcRoundOf(state)
  const committed: BlockRef[] = []
  for (let round = Math.max(dag.lowestRound, 1); round <= dag.highestRound; round++) {
    for (const node of dag.blocksAt(round)) if (node.committed) committed.push(node.ref)
  }
  const ownRound = proposer.floor === undefined ? undefined : Math.max(proposer.floor, proposer.last?.ref.round ?? 0)
  const leaders = state.schedule.leaders(sealed.commit.leader.round)
  const orphaned = [...state.ownBlocks.orphaned]
  const made: Checkpoint = { sealed, leaders, gcRound, committed, open: state.rejections.state, ownRound, orphaned }
  out.record({ type: 'checkpoint', checkpoint: made })
  state.retention = retentionOf(made)
}

/** What must stay on disk once this checkpoint is synced. */
export function retentionOf({ gcRound, open, sealed }: Checkpoint): { round: number; commitIndex: number } {
  const lowest = open.flatMap(({ sealed: { commit } }) => commit.blocks[0]?.round ?? [])
  return { round: Math.max(0, Math.min(gcRound, ...lowest.map((round) => round - 1))), commitIndex: sealed.ref.index }
}

/** Repeats a commit that is already agreed on: from a peer's proof, or from our own log. */
export function commitAgreed(state: ConsensusState, sealed: SealedCommit, out: StepOutput): void {
  const { leader } = sealed.commit
  const node = state.dag.find(leader)
  const offset = state.schedule.leaders(leader.round).indexOf(leader.author)
  if (sealed.ref.index !== state.head.ref.index + 1 || node === undefined || offset === -1) {
    const head = state.head.ref
    throw new InvariantError('An agreed commit does not fit.', { commit: sealed.ref, head, leader, offset })
  }
  state.lastDecided = { round: leader.round, offset }
  commitLeader(state, node, out, sealed)
  state.committer.forget(leader.round - 1)
}

/** Notes blocks that prove commits, accepted or not, so that we can prove them too. */
export function noteVoters(state: ConsensusState, voters: readonly SignedBlock[], out: StepOutput): void {
  for (const block of voters) {
    state.monitor.observe(block)
    if (state.certificates.observe(block)) out.record({ type: 'voter', block })
  }
}

/**
 * Nothing moves, and peers have been asked for all they hold: trusts below our own last commit, certified or not. So a
 * committee goes on in which somebody has done so before, and the votes that would certify the commit cannot be cast.
 */
export function trustOwnCommit(state: ConsensusState, out: StepOutput): void {
  admit(state, state.manager.trust(orderedFloorOf(state)), out)
}

/** Applies commits that a quorum voted for, with their blocks; those we have are passed over. */
export function commitCertified(state: ConsensusState, commits: readonly CertifiedCommit[], out: StepOutput): void {
  for (const { sealed, blocks } of commits) {
    if (sealed.ref.index <= state.head.ref.index) continue
    // What lies at or below the floor was never ordered, and a quorum agrees that it never will be.
    const floor = orderedFloorOf(state)
    for (const block of blocks) admit(state, state.manager.receive(block, true, floor).accepted, out)
    commitAgreed(state, sealed, out)
    state.certificates.prove(sealed.ref)
    state.takesAll = false
    collect(state, out)
  }
}
