import { BlockManager } from './block-manager.ts'
import { CommitCertificates } from './commit-certificates.ts'
import { beforeFirstCommit } from './commit-codec.ts'
import { CommitVoteMonitor, PendingCommitVotes } from './commit-votes.ts'
import { Committer, type LeaderPosition } from './committer.ts'
import { Dag, DagNode } from './dag.ts'
import { genesisBlocks } from './genesis.ts'
import { LeaderSchedule } from './leader-schedule.ts'
import { OwnBlocks } from './own-blocks.ts'
import { OwnTransactionVotes } from './own-votes.ts'
import { Rejections } from './rejections.ts'
import { Reputation } from './reputation.ts'
import { ThresholdClock } from './threshold-clock.ts'
import type {
  AuthorityIndex,
  CommitRef,
  ConsensusSeams,
  LeaderCounts,
  RefusalReason,
  Retention,
  Round,
  SignedBlock,
} from './types.ts'

/** What the proposer remembers. */
export interface ProposerState {
  /** Never propose at or below this round; undefined until an empty disk has been told by the committee. */
  floor: Round | undefined
  /** The highest own block in the DAG, from this life or an earlier one. */
  last: SignedBlock | undefined
  /** When this life made its last own block. */
  lastMadeMs: number
  /** By author, the highest round that an own block has linked. */
  readonly linked: Round[]
  /** The round whose shortest delay is over, whatever the wall clock's whole milliseconds say. */
  restedRound: Round
  /** The round whose leader timeout is over. */
  forcedRound: Round
  /** The round whose timers are set. */
  armedRound: Round
  subscribers: number
  propagationDelay: number
  backpressure: boolean
}

/** The end of the commit sequence. */
export interface CommitHead {
  readonly ref: CommitRef
  readonly leaderRound: Round
  readonly timestampMs: number
}

/** Everything a validator knows. Only {@link step} changes it. */
export interface ConsensusState {
  readonly seams: ConsensusSeams
  readonly dag: Dag<SignedBlock>
  readonly manager: BlockManager
  readonly committer: Committer
  readonly schedule: LeaderSchedule
  readonly reputation: Reputation
  readonly rejections: Rejections
  readonly ownVotes: OwnTransactionVotes | undefined
  readonly clock: ThresholdClock
  readonly commitVotes: PendingCommitVotes
  ownBlocks: OwnBlocks
  readonly monitor: CommitVoteMonitor
  certificates: CommitCertificates
  readonly proposer: ProposerState
  head: CommitHead
  lastDecided: LeaderPosition
  lastDeliveredIndex: number
  retention: Retention
  readonly leaders: { -readonly [Key in keyof LeaderCounts]: LeaderCounts[Key] }
  /** Slots with proven equivocation, by round. */
  readonly evidence: Map<Round, Set<AuthorityIndex>>
  equivocations: number
  /**
   * Live blocks are taken however far we lag. Commits whose votes somebody holds back cannot be proven, and so not
   * fetched, by anybody: only the blocks themselves bring them.
   */
  takesAll: boolean
  readonly refused: Map<string, { from: AuthorityIndex; reason: RefusalReason; count: number }>
}

/** Rounds at or below this one are collected; −1 while genesis is in memory. */
export function gcRoundOf(state: ConsensusState): Round {
  return state.dag.lowestRound - 1
}

/** No leader orders blocks at or below this round any more. They stay in memory until the commit is certified. */
export function orderedFloorOf({ head, seams }: ConsensusState): Round {
  return head.leaderRound - seams.parameters.gcDepth
}

function newProposer(size: number): ProposerState {
  return {
    floor: undefined,
    last: undefined,
    lastMadeMs: Number.NEGATIVE_INFINITY,
    linked: new Array<Round>(size).fill(0),
    restedRound: 0,
    forcedRound: 0,
    armedRound: 0,
    subscribers: 0,
    propagationDelay: 0,
    backpressure: false,
  }
}

/** The state of a validator that has seen nothing; `base` is the lowest round it will ever need. */
export function newState(seams: ConsensusSeams, base: Round): ConsensusState {
  const { committee, parameters } = seams
  const stakes = committee.authorities.map(({ stake }) => stake)
  const dag = new Dag<SignedBlock>(committee.size, base)
  const schedule = new LeaderSchedule(stakes, parameters)
  const committer = new Committer(dag, {
    stakes,
    waveLength: parameters.waveLength,
    leadersPerRound: Math.min(parameters.leadersPerRound, committee.size),
    pipelined: parameters.pipelined,
    directCommitQuorum: committee.quorum,
    directSkipQuorum: committee.quorum,
    certificateQuorum: committee.quorum,
    anchorLink: 1,
    leader: (round, offset) => schedule.leader(round, offset),
  })
  const { judge } = seams
  const votes = parameters.transactionVoting && judge !== undefined
  const state: ConsensusState = {
    seams,
    dag,
    manager: new BlockManager(dag, parameters),
    committer,
    schedule,
    reputation: new Reputation(stakes),
    rejections: new Rejections(stakes, committee.quorum),
    ownVotes: votes ? new OwnTransactionVotes((block) => judge.call(seams, block)) : undefined,
    clock: new ThresholdClock(stakes, committee.quorum, 1),
    commitVotes: new PendingCommitVotes(1000),
    ownBlocks: new OwnBlocks(),
    monitor: new CommitVoteMonitor(stakes, committee.quorum),
    certificates: new CommitCertificates(committee, beforeFirstCommit),
    proposer: newProposer(committee.size),
    head: { ref: beforeFirstCommit, leaderRound: 0, timestampMs: 0 },
    lastDecided: { round: 0, offset: parameters.leadersPerRound - 1 },
    lastDeliveredIndex: 0,
    retention: { round: 0, commitIndex: 1 },
    leaders: { committedDirect: 0, committedIndirect: 0, skippedDirect: 0, skippedIndirect: 0 },
    evidence: new Map(),
    equivocations: 0,
    takesAll: false,
    refused: new Map(),
  }
  if (base === 0) addGenesis(state)
  return state
}

function addGenesis(state: ConsensusState): void {
  for (const block of genesisBlocks(state.seams.committee)) {
    const node = new DagNode(block.ref, [], block)
    // Nothing orders genesis.
    node.committed = true
    state.dag.add(node)
  }
}
