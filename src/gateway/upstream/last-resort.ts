import type { Call, Outcome } from '../../rpc/call.ts'
import { describeReason } from './health.ts'
import type { NetworkState, UpstreamState } from './state.ts'

/**
 * With nobody in service, the least bad upstream for a read: one that lags, the highest first, or one that has answered
 * since it was lost; an execution client that says it is syncing after these. Never another chain's, and never one that
 * was put out of service on purpose.
 */
export function lastResort(network: NetworkState, call: Call, tried: readonly object[]): UpstreamState | undefined {
  if (network.strict || call.repeat !== 'safe' || call.directive !== undefined) return undefined
  let best: UpstreamState | undefined
  for (const upstream of network.upstreams) {
    if (upstream.eligible || tried.includes(upstream) || !isBearable(network, upstream)) continue
    if (best === undefined || isLessBad(upstream, best)) best = upstream
  }
  return best
}

/** What is in service has failed this call, each in turn, and nobody runs any more: who is left is the last resort. */
export function isForsaken({ trail }: Call): boolean {
  return !trail.heardOut && trail.running.length === 0
}

/** Whether an outcome says nothing of what was asked: its upstream was not able to answer anything. */
export function couldNotAnswer({ verdict }: Outcome): boolean {
  return verdict !== undefined && ['NODE', 'SYNC', 'AUTH', 'BILL'].includes(verdict.class)
}

function isLessBad(one: UpstreamState, other: UpstreamState): boolean {
  const [syncs, otherSyncs] = [one.out?.why === 'syncing', other.out?.why === 'syncing']
  return syncs === otherSyncs ? one.head > other.head : otherSyncs
}

function isBearable(network: NetworkState, upstream: UpstreamState): boolean {
  const why = upstream.out?.why
  if (why === 'lagging' || why === 'recovering') return true
  // Until its first block it has nothing, and a beacon node that syncs is right to be refused: its API says so.
  if (why === 'syncing') return network.kind === 'evm' && upstream.head > 0
  const lostAt = upstream.losses.at(-1)
  return why === 'unreachable' && upstream.seen && lostAt !== undefined && upstream.lastAnswerAt > lostAt
}

/** Whether it is the newest that is left, and still far behind what clients have seen. */
export function isBehindAll(network: NetworkState, upstream: UpstreamState): boolean {
  return network.told - upstream.head > network.maxLag && network.told - network.head > network.maxLag
}

/** Such an upstream, for a call that may have it: all but the strict, of which only writes do not read the past. */
export function inDoubt(network: NetworkState, upstream: UpstreamState, call: Call): UpstreamState | undefined {
  return network.strict && call.repeat === 'safe' ? undefined : upstream
}

/** What a client is told of an answer of the last resort: the blocks it is behind, or why it was out of service. */
export function staleness(network: NetworkState, upstream: UpstreamState): string | undefined {
  const height = Math.max(network.head, network.told)
  const behind = upstream.head < 0 ? 0 : height - upstream.head
  if (behind > network.maxLag) return String(behind)
  if (upstream.eligible || upstream.out === undefined) return undefined
  return behind > 0 ? String(behind) : describeReason(upstream.out).replace(/[^\x20-\x7e]+/g, ' ')
}
