/** What a committee agrees on besides its members, and how patient each validator is. */
export interface ConsensusParameters {
  /** Shortest time between two own blocks. */
  readonly minRoundDelayMs: number
  /** How long a round waits for the leader of the round before. */
  readonly leaderTimeoutMs: number
  readonly leadersPerRound: number
  /** Leaders drawn by stake from a hash of the round, or one authority after the other. */
  readonly leaderElection: 'byStake' | 'roundRobin'
  /** Rounds from a leader to its certificates, both counted: 3 is Mysticeti. */
  readonly waveLength: number
  /** A leader in every round, not only in every `waveLength`-th. */
  readonly pipelined: boolean
  /** Rounds below the last committed leader that are kept and may still be ordered. */
  readonly gcDepth: number
  /** Commits after which leaders are chosen anew by reputation; 0 keeps the first schedule for ever. */
  readonly commitsPerSchedule: number
  /** Share of the stake that may be swapped out of, and into, the leader schedule. */
  readonly swapStakePercent: number
  readonly maxTransactionBytes: number
  readonly maxTransactionsPerBlock: number
  readonly maxTransactionBytesPerBlock: number
  readonly maxCommitVotesPerBlock: number
  /** Rounds by which a quorum may lag behind our blocks before we pause. */
  readonly maxPropagationDelay: number
  /** Commits by which we may lag behind a quorum before live blocks are ignored in favour of commit sync. */
  readonly maxCommitLag: number
  /** Blocks of one author that may wait for their ancestors. */
  readonly maxSuspendedPerAuthor: number
  /** Bytes of the blocks of one author that may wait for their ancestors; one block may always wait. */
  readonly maxSuspendedBytesPerAuthor?: number
  /** Blocks of one slot taken without another block asking for them. */
  readonly maxSiblings: number
  /** Whether sub-DAGs wait for the votes on their transactions before they are delivered. */
  readonly transactionVoting: boolean
}

/** Every parameter has a default that works; limits are per block unless their name says otherwise. */
export const defaultParameters: ConsensusParameters = {
  minRoundDelayMs: 50,
  leaderTimeoutMs: 200,
  leadersPerRound: 1,
  leaderElection: 'byStake',
  waveLength: 3,
  pipelined: true,
  gcDepth: 60,
  commitsPerSchedule: 300,
  swapStakePercent: 30,
  maxTransactionBytes: 256 * 1024,
  maxTransactionsPerBlock: 2048,
  maxTransactionBytesPerBlock: 512 * 1024,
  maxCommitVotesPerBlock: 100,
  maxPropagationDelay: 5,
  maxCommitLag: 500,
  maxSuspendedPerAuthor: 500,
  maxSuspendedBytesPerAuthor: 16 * 1024 * 1024,
  maxSiblings: 8,
  transactionVoting: false,
}
