/** One upstream in the status snapshot. Field names are stable. */
export interface UpstreamStatus {
  readonly name: string
  /** With secrets hidden. */
  readonly url: string
  readonly tier: 'primary' | 'backup'
  readonly eligible: boolean
  /** Why it gets no calls, or that it gets fewer; null when all is well. */
  readonly reason: string | null
  readonly head: number | null
  /** Blocks or slots behind the network head. */
  readonly lag: number
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  /** Share of failed attempts in the last ten seconds. */
  readonly errorRatio: number
  readonly inFlight: number
  readonly failuresInARow: number
  readonly breaker: 'closed' | 'open' | 'trial'
  readonly cordoned: boolean
  /** Says nothing although it was asked: avoided until it is heard again. */
  readonly suspect: boolean
  /** A share of its calls is late, unanswered or broken: others that do better come first, a few calls still go there. */
  readonly degraded: boolean
  /** Whether a WebSocket URL is configured. */
  readonly websocket: boolean
  /** ISO 8601, null before the first probe. */
  readonly lastProbeAt: string | null
  readonly lastError: string | null
}

/** One network in the status snapshot. */
export interface NetworkStatus {
  readonly kind: string
  readonly chainId: number | null
  readonly head: { readonly number: number; readonly hash: string | null } | null
  /** Since the head was made, by the block's own time where it has one, else since it was first seen here. */
  readonly headAgeSeconds: number | null
  readonly safe: number | null
  readonly finalized: number | null
  readonly failoverActive: boolean
  readonly upstreams: readonly UpstreamStatus[]
}

/** What `/status`, `drawbridge status` and the ready check read: one consistent view of a running gateway. */
export interface StatusSnapshot {
  readonly version: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly draining: boolean
  readonly networks: Readonly<Record<string, NetworkStatus>>
}

/** Why the gateway is not ready, one sentence per network; empty when it is. */
export function unreadyBecause(snapshot: StatusSnapshot): string[] {
  if (snapshot.draining) return ['the gateway is shutting down']
  return Object.entries(snapshot.networks).flatMap(([name, network]) => {
    if (network.upstreams.some((upstream) => upstream.eligible)) return []
    const reasons = network.upstreams.map((upstream) => `${upstream.name}: ${upstream.reason ?? 'not eligible'}`)
    return [`network ${name} has no eligible upstream (${reasons.join('; ')})`]
  })
}
