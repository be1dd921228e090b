import { Metrics } from '../telemetry/metrics.ts'
import type { RefusalCounts } from './link/handshake.ts'
import type { ReplicaStatus } from './status.ts'

/** Where the figures come from. */
export interface ReplicaMetricsSource {
  readonly status: () => ReplicaStatus
  readonly refusedLinks: () => RefusalCounts
}

/** Single figures: name, help, and how to read it from the status. */
const gauges: readonly (readonly [name: string, help: string, read: (status: ReplicaStatus) => number])[] = [
  ['consensus_round', 'Round that the validator is in', (s) => s.round],
  ['consensus_last_proposed_round', 'Round of the last own block', (s) => s.lastProposedRound],
  ['consensus_commit_index', 'Index of the last commit', (s) => s.lastCommit.index],
  ['consensus_commit_lag', 'Commits by which a quorum is ahead', (s) => commitLag(s)],
  ['consensus_delivery_backlog', 'Commits that the consumer has not acknowledged', (s) => s.delivery.backlog],
  ['consensus_queue_transactions', 'Submitted transactions waiting for an own block', (s) => s.queue.transactions],
  ['consensus_queue_bytes', 'Bytes of the transactions that wait', (s) => s.queue.bytes],
  ['consensus_peers_connected', 'Peers that we reach', (s) => s.peers.filter((peer) => peer.connected).length],
  ['consensus_peers_subscribed', 'Peers that take our blocks', (s) => s.peers.filter((peer) => peer.subscribed).length],
  ['consensus_dag_blocks', 'Blocks in memory', (s) => s.dagBlocks],
  ['consensus_suspended_blocks', 'Blocks that wait for their ancestors', (s) => s.suspendedBlocks],
  ['consensus_suspended_bytes', 'Bytes of the blocks that wait for their ancestors', (s) => s.suspendedBytes],
  ['consensus_missing_blocks', 'Ancestors that are waited for', (s) => s.missingBlocks],
  ['consensus_equivocations', 'Slots in which an authority made two blocks', (s) => s.equivocations],
  ['consensus_synced_commits', 'Commits that came by commit sync', (s) => s.commitsFetched],
  ['consensus_proposing', '1 while own blocks are made', (s) => (s.notProposing === undefined ? 1 : 0)],
]

const outcomes = {
  committed_direct: (s: ReplicaStatus) => s.leaders.committedDirect,
  committed_indirect: (s: ReplicaStatus) => s.leaders.committedIndirect,
  skipped_direct: (s: ReplicaStatus) => s.leaders.skippedDirect,
  skipped_indirect: (s: ReplicaStatus) => s.leaders.skippedIndirect,
} as const

/** Commits that a quorum has and we have not. */
export function commitLag({ lastCommit, quorumCommitIndex }: ReplicaStatus): number {
  return Math.max(0, quorumCommitIndex - lastCommit.index)
}

/** Metrics of one validator, read from its status when somebody asks. */
export function replicaMetrics(source: ReplicaMetricsSource, processMetrics: boolean): Metrics {
  const metrics = new Metrics({ processMetrics })
  const bound = gauges.map(([name, help, read]) => ({ gauge: metrics.gauge(name, help, []).bind({}), read }))
  const leaders = metrics.counter('consensus_leaders_total', 'Decided leaders since the start', ['outcome'])
  const refused = metrics.counter('consensus_refused_blocks_total', 'Blocks and messages refused', ['reason'])
  const links = metrics.counter('consensus_refused_links_total', 'Connections refused', ['reason'])
  const decoded = metrics.counter('consensus_decoded_blocks_total', 'Blocks from peers that were decoded', [])
  const checked = metrics.counter('consensus_checked_signatures_total', 'Signatures of blocks that were checked', [])
  metrics.beforeText(() => {
    const status = source.status()
    for (const { gauge, read } of bound) gauge.set(read(status))
    decoded.bind({}).value = status.intake.decoded
    checked.bind({}).value = status.intake.checked
    for (const [outcome, read] of Object.entries(outcomes)) leaders.bind({ outcome }).value = read(status)
    for (const [reason, count] of sumByReason(status)) refused.bind({ reason }).value = count
    for (const [reason, count] of Object.entries(source.refusedLinks())) links.bind({ reason }).value = count
  })
  return metrics
}

function sumByReason({ refused }: ReplicaStatus): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { reason, count } of refused) sums.set(reason, (sums.get(reason) ?? 0) + count)
  return sums
}
