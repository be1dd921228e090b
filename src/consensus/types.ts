import type { Committee } from './committee.ts'
import type { ConsensusParameters } from './parameters.ts'

/** Height in the DAG. Round 0 holds the genesis blocks. */
export type Round = number

/** Position of a validator in the committee, from 0. */
export type AuthorityIndex = number

/** Names one block: 38 bytes in SSZ (`uint32`, `uint16`, `Bytes32`). Ordered by round, author, digest. */
export interface BlockRef {
  readonly round: Round
  readonly author: AuthorityIndex
  /** 64 lower-case hex digits, without `0x`. See {@link SignedBlock} for what is hashed. */
  readonly digest: string
}

/** A place in the DAG; an equivocating author fills one slot with several blocks. */
export interface Slot {
  readonly round: Round
  readonly author: AuthorityIndex
}

/** Names one commit of the committee's common sequence. The first has index 1. */
export interface CommitRef {
  readonly index: number
  readonly digest: string
}

/** Transactions of one block that somebody rejects, as ascending positions in that block. */
export interface TransactionVote {
  readonly block: BlockRef
  readonly rejects: readonly number[]
}

/** Opaque transactions as views into the bytes of their block; nothing is copied or cut before it is asked for. */
export interface Transactions extends Iterable<Uint8Array> {
  readonly length: number
  /** Sum of the transactions' lengths. */
  readonly byteLength: number
  /** Length of the longest transaction; 0 when there is none. */
  readonly longest: number
  /** The transaction at `index`; a `RangeError` outside of 0 … length − 1. */
  at(index: number): Uint8Array
}

/** What one authority says in one round. */
export interface DagBlock {
  readonly epoch: number
  readonly round: Round
  readonly author: AuthorityIndex
  readonly timestampMs: number
  /** The author's own previous block first, then at most one block of every other author. */
  readonly ancestors: readonly BlockRef[]
  readonly transactions: Transactions
  readonly commitVotes: readonly CommitRef[]
  readonly transactionVotes: readonly TransactionVote[]
}

/**
 * A block as it travels and as it lies on disk.
 *
 * `signingRoot = sha256(domain ‖ unsigned SSZ bytes)` is what the author signs, with a domain that names the committee;
 * `ref.digest = sha256(signingRoot ‖ signature)`. So whoever checks signatures needs 32 bytes of a block, not the block.
 */
export interface SignedBlock {
  readonly ref: BlockRef
  readonly block: DagBlock
  /** SSZ of `{ block, signature }`. */
  readonly bytes: Uint8Array
  readonly signingRoot: Uint8Array
  readonly signature: Uint8Array
}

/** One entry of the commit chain, the same at every honest validator. */
export interface Commit {
  readonly index: number
  /** Digest of the commit before; 64 zeros for the first. */
  readonly previousDigest: string
  readonly timestampMs: number
  readonly leader: BlockRef
  /** Everything the leader newly orders, itself included, by round, author, digest. */
  readonly blocks: readonly BlockRef[]
  /** Rejections that became final with this commit; they concern blocks of earlier commits. */
  readonly rejected: readonly TransactionVote[]
  /** Reputation by authority when this commit ends a schedule, else empty. */
  readonly scores: readonly number[]
}

/** A commit with its SSZ bytes and `digest = sha256(bytes)`. */
export interface SealedCommit {
  readonly ref: CommitRef
  readonly commit: Commit
  readonly bytes: Uint8Array
}

/** A commit fetched from a peer and proven by {@link verifyCommits}, with the blocks it orders in the commit's order. */
export interface CertifiedCommit {
  readonly sealed: SealedCommit
  readonly blocks: readonly SignedBlock[]
}

/** What the consumer gets: one leader and all it newly orders. */
export interface CommittedSubDag {
  readonly commitRef: CommitRef
  readonly leader: BlockRef
  readonly timestampMs: number
  /** By round, author, digest: the order of execution. */
  readonly blocks: readonly SignedBlock[]
  /** Transactions of `blocks` that a quorum rejected. Empty while transaction voting is off. */
  readonly rejectedTransactions: readonly TransactionVote[]
  /** Best first; empty unless this commit ended a schedule. */
  readonly reputationScores: readonly { readonly author: AuthorityIndex; readonly score: number }[]
}

/** Where a replay may begin: everything the past still says about the future. Emitted when a schedule ends. */
export interface Checkpoint {
  /** The commit that ended the schedule; its `scores` give the leader schedule that follows. */
  readonly sealed: SealedCommit
  /** The leaders of its leader's round; some of them may be undecided, under the schedule that has ended. */
  readonly leaders: readonly AuthorityIndex[]
  /** Blocks at or below this round are never needed again. */
  readonly gcRound: Round
  /** Blocks above `gcRound` that are already ordered. */
  readonly committed: readonly BlockRef[]
  /** Commits that wait for their transaction votes, oldest first, with the votes seen so far. */
  readonly open: readonly OpenCommit[]
  /** Transactions of own blocks that were collected unordered, and that are in no later own block yet. */
  readonly orphaned: readonly Uint8Array[]
  /** Never propose at or below this round; undefined while the committee has not told an empty disk. */
  readonly ownRound: Round | undefined
}

/** A commit whose rejections are not final yet. */
export interface OpenCommit {
  readonly sealed: SealedCommit
  readonly votes: readonly { readonly author: AuthorityIndex; readonly vote: TransactionVote }[]
}

/** What goes to disk, in the order in which a recovery wants it back. */
export type LogRecord =
  | { readonly type: 'block'; readonly block: SignedBlock; readonly own: boolean }
  | { readonly type: 'commit'; readonly sealed: SealedCommit }
  | { readonly type: 'checkpoint'; readonly checkpoint: Checkpoint }
  /** A block that votes for commits, from a peer's proof; it may never be accepted. */
  | { readonly type: 'voter'; readonly block: SignedBlock }
  /** The committee told an empty disk its own last round: from now on it may propose above it. */
  | { readonly type: 'ownRound'; readonly round: Round }

/** Why a peer's block is not taken. */
export type RefusalReason =
  | 'malformed'
  | 'wrongEpoch'
  | 'unknownAuthor'
  | 'genesisRound'
  | 'badSignature'
  | 'noAncestors'
  | 'tooManyAncestors'
  | 'ownAncestorNotFirst'
  | 'ancestorNotOlder'
  | 'ancestorUnknownAuthor'
  | 'ancestorRepeated'
  | 'wrongGenesis'
  | 'noParentQuorum'
  | 'transactionTooLarge'
  | 'tooManyTransactions'
  | 'transactionsTooLarge'
  | 'tooManyCommitVotes'
  | 'badCommitVote'
  | 'badTransactionVote'
  | 'tooManySiblings'
  | 'tooManySuspended'
  | 'roundTooHigh'

/** Which of the two waits of a round is over. */
export type TimerKind = 'minRoundDelay' | 'leaderTimeout'

/** Everything that can happen to a validator. */
export type ConsensusEvent =
  /** Once, right after creation or recovery: proposes, arms timers, sends the own last block again. */
  | { readonly type: 'start' }
  /** Blocks that passed {@link verifyBlock} and the signature check, from a stream or a fetch. Any order. */
  | { readonly type: 'blocks'; readonly from: AuthorityIndex; readonly blocks: readonly SignedBlock[] }
  | { readonly type: 'timer'; readonly kind: TimerKind; readonly round: Round }
  /** Commits fetched by commit sync, consecutive, proven by {@link verifyCommits}. */
  | { readonly type: 'certifiedCommits'; readonly commits: readonly CertifiedCommit[] }
  /** Blocks that passed the same checks and prove commits with their votes; they need not be accepted. */
  | { readonly type: 'commitVotes'; readonly blocks: readonly SignedBlock[] }
  /** No round passes: whatever was to bring us up to the others does not. */
  | { readonly type: 'standstill' }
  /** No round has passed for long, although peers were asked for all that they hold. */
  | { readonly type: 'stalled' }
  /** The committee's answer to an empty disk: never propose at or below this round (0 if it knows none). */
  | { readonly type: 'ownLastRoundLearned'; readonly round: Round }
  /** How many peers listen to our blocks now. Nothing is proposed while it is 0 (the state begins with 0). */
  | { readonly type: 'subscribers'; readonly count: number }
  /** The round prober's result: rounds by which a quorum lags behind our own blocks. */
  | { readonly type: 'propagationDelay'; readonly rounds: number }
  /** A full consumer queue: no own blocks until it has room again. */
  | { readonly type: 'backpressure'; readonly on: boolean }

/** What the caller must do, in this order. */
export type ConsensusEffect =
  /** Append. `broadcast` and `deliver` effects that come later must wait until these are synced. */
  | { readonly type: 'persist'; readonly records: readonly LogRecord[] }
  /** An own new block (or, after `start`, the last one again). Its transactions are acknowledged once it is on disk. */
  | { readonly type: 'broadcast'; readonly block: SignedBlock }
  | { readonly type: 'deliver'; readonly subDag: CommittedSubDag }
  /** Missing ancestors, each named once here; {@link missingBlocks} lists all that are still missing for retries. */
  | { readonly type: 'fetch'; readonly from: AuthorityIndex; readonly refs: readonly BlockRef[] }
  /** Answer with a `timer` event after `afterMs`. A timer of an older round may be dropped. */
  | { readonly type: 'setTimer'; readonly kind: TimerKind; readonly round: Round; readonly afterMs: number }
  /** Two blocks of one author in one slot; once per slot. */
  | { readonly type: 'evidence'; readonly slot: Slot; readonly first: BlockRef; readonly second: BlockRef }
  | {
      readonly type: 'refused'
      readonly from: AuthorityIndex
      readonly ref: BlockRef
      readonly reason: RefusalReason
    }
  /** Blocks at or below the round left memory. See {@link Retention} for what must stay on disk. */
  | { readonly type: 'collected'; readonly gcRound: Round }

/** What a recovery still reads: drop only records below both. The consumer's cursor may ask for more. */
export interface Retention {
  /** Blocks above this round. */
  readonly round: Round
  /** Commits and checkpoints from this index on. */
  readonly commitIndex: number
}

/** Where own blocks get their transactions: asked once per own block, synchronously. */
export interface TransactionSource {
  /**
   * Takes out at most `count` transactions of at most `byteLength` bytes together, oldest first. What is taken is in the
   * own block of the next `broadcast` effect; losing that block before it is on disk loses the transactions.
   */
  take(count: number, byteLength: number): readonly Uint8Array[]
}

/** The parts of the world that the step machine is handed. All are pure or synchronous. */
export interface ConsensusSeams {
  readonly committee: Committee
  readonly own: AuthorityIndex
  readonly parameters: ConsensusParameters
  /** ed25519 over the 32 bytes of a signing root; 64 bytes back. */
  sign(signingRoot: Uint8Array): Uint8Array
  readonly transactions: TransactionSource
  /** Positions of transactions to reject, ascending; absent when the application judges nothing. */
  judge?(block: SignedBlock): readonly number[]
}

/** How the leaders of the sequence so far were decided. */
export interface LeaderCounts {
  readonly committedDirect: number
  readonly committedIndirect: number
  readonly skippedDirect: number
  readonly skippedIndirect: number
}

/** What operators see. Read it with `statusOf(state)`; cheap enough for every second, not for every block. */
export interface ConsensusStatus {
  /** The round we are in: a quorum of the round below has been accepted. */
  readonly round: Round
  readonly lastProposedRound: Round
  readonly lastCommit: CommitRef
  readonly lastCommitRound: Round
  readonly lastCommitTimestampMs: number
  /** Commits up to here have been handed out as `deliver` effects; later ones still wait for transaction votes. */
  readonly lastDeliveredIndex: number
  /** Highest commit that a quorum has voted for in its blocks; commit sync is due when it runs away from ours. */
  readonly quorumCommitIndex: number
  readonly gcRound: Round
  readonly leaders: LeaderCounts
  readonly dagBlocks: number
  readonly suspendedBlocks: number
  /** Bytes of the blocks that wait for their ancestors. */
  readonly suspendedBytes: number
  readonly missingBlocks: number
  readonly equivocations: number
  /** Refused blocks by the peer that sent them and the reason. */
  readonly refused: readonly { readonly from: AuthorityIndex; readonly reason: RefusalReason; readonly count: number }[]
  /** Why no own block is being made; undefined when nothing stands in the way. */
  readonly notProposing: 'ownLastRoundUnknown' | 'noSubscribers' | 'propagationDelay' | 'backpressure' | undefined
  readonly retention: Retention
}
