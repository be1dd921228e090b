/** How one validator treats its disk, its peers and its users. Peers need not agree on any of it. */
export interface ReplicaParameters {
  /** Submitted transactions that may wait for an own block. */
  readonly maxQueuedTransactions: number
  readonly maxQueuedTransactionBytes: number
  /** Commits that the consumer has not acknowledged, from which on no own blocks are made. */
  readonly maxUnacknowledgedCommits: number
  /** Sub-DAGs handed to the consumer and not acknowledged, in bytes of their blocks; the rest waits on the disk. */
  readonly maxDeliveredBytes: number
  /** Size of one file of the write-ahead log. */
  readonly segmentBytes: number
  /** History kept for peers that lag: older segments are removed once recovery and the consumer need them no more. */
  readonly retainBytes: number
  /** First and longest wait before a peer is dialled again; the wait grows by a fifth each time, with jitter. */
  readonly reconnectMs: { readonly first: number; readonly longest: number }
  /** First and longest time for which a peer that broke the protocol is left alone; it doubles with each offence. */
  readonly penaltyMs: { readonly first: number; readonly longest: number }
  /** How long a missing ancestor may still come by itself before it is asked for. */
  readonly fetchDelayMs: number
  /** Between two looks at ancestors that are still missing. */
  readonly fetchIntervalMs: number
  /** How long one peer may take over a fetch. */
  readonly fetchTimeoutMs: number
  /** Blocks asked for at once. */
  readonly blocksPerFetch: number
  /** Bytes of one answer, not counting a first block that is larger. */
  readonly maxReplyBytes: number
  /** Rounds of blocks that can be looked up quickly although they left memory. */
  readonly cachedRounds: number
  readonly commitSyncIntervalMs: number
  /** Lag from which commits are fetched, and how many are fetched at once. */
  readonly commitSyncBatch: number
  readonly roundProbeIntervalMs: number
  readonly roundProbeTimeoutMs: number
  /** How long the peers of a validator that forgot its last round have for one answer. */
  readonly ownRoundTimeoutMs: number
  /** After enough stake has answered, how long the rest is waited for. */
  readonly ownRoundGraceMs: number
}

/** Defaults that suit a committee in one region. */
export const defaultReplicaParameters: ReplicaParameters = {
  maxQueuedTransactions: 20_000,
  maxQueuedTransactionBytes: 32 * 1024 * 1024,
  maxUnacknowledgedCommits: 1_000,
  maxDeliveredBytes: 16 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
  retainBytes: 2 * 1024 * 1024 * 1024,
  reconnectMs: { first: 100, longest: 10_000 },
  penaltyMs: { first: 1_000, longest: 60_000 },
  fetchDelayMs: 20,
  fetchIntervalMs: 500,
  fetchTimeoutMs: 2_000,
  blocksPerFetch: 256,
  maxReplyBytes: 4 * 1024 * 1024,
  cachedRounds: 500,
  commitSyncIntervalMs: 1_000,
  commitSyncBatch: 100,
  roundProbeIntervalMs: 5_000,
  roundProbeTimeoutMs: 4_000,
  ownRoundTimeoutMs: 5_000,
  ownRoundGraceMs: 500,
}
