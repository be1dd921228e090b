import type { Call } from '../../rpc/call.ts'
import { describeReason } from './health.ts'
import type { NetworkState, UpstreamState } from './state.ts'

/**
 * With nobody in service, the least bad upstream for a read: one that lags, the highest first, or one that has answered
 * since it was lost. Never another chain's, and never one that was put out of service on purpose.
 */
export function lastResort(network: NetworkState, call: Call, tried: readonly object[]): UpstreamState | undefined {
  if (network.strict || call.repeat !== 'safe' || call.directive !== undefined) return undefined
  let best: UpstreamState | undefined
  for (const upstream of network.upstreams) {
    if (upstream.eligible) return undefined
    if (tried.includes(upstream) || !isBearable(upstream)) continue
    if (best === undefined || upstream.head > best.head) best = upstream
  }
  return best
}

function isBearable(upstream: UpstreamState): boolean {
  const why = upstream.out?.why
  if (why === 'lagging' || why === 'recovering') return true
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
