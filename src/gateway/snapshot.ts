import { type Clock, isoTime } from '../core/clock.ts'
import { redactText, redactUrl } from '../core/redact.ts'
import type { NetworkStatus, StatusSnapshot, UpstreamStatus } from './control/snapshot.ts'
import { failureShare } from './upstream/breaker.ts'
import { describeDegradation } from './upstream/degradation.ts'
import { describeReason, headAge } from './upstream/health.ts'
import type { NetworkState, UpstreamState } from './upstream/state.ts'

type Redact = (text: string) => string

/** What a snapshot is made of. */
export interface SnapshotSource {
  readonly version: string
  readonly startedAt: string
  readonly draining: boolean
  readonly networks: readonly NetworkState[]
}

/** Reads the whole state into one plain object; nothing outside the gateway sees the state itself. */
export function takeSnapshot(source: SnapshotSource, clock: Clock, redact: Redact = redactText): StatusSnapshot {
  const { version, startedAt, draining } = source
  const networks = source.networks.map(
    (network) => [network.name, networkStatus(network, clock.now(), redact)] as const,
  )
  return { version, startedAt, draining, networks: Object.fromEntries(networks) }
}

function networkStatus(network: NetworkState, now: number, redact: Redact): NetworkStatus {
  const chainId = Number(network.chain)
  return {
    kind: network.kind,
    chainId: network.chain !== undefined && Number.isSafeInteger(chainId) ? chainId : null,
    head: network.head < 0 ? null : { number: network.head, hash: network.headHash ?? null },
    headAgeSeconds: secondsOf(headAge(network, now)),
    safe: network.safe ?? null,
    finalized: network.finalized ?? null,
    failoverActive: network.failoverActive,
    upstreams: network.upstreams.map((upstream) => upstreamStatus(upstream, now, redact)),
  }
}

function upstreamStatus(upstream: UpstreamState, now: number, redact: Redact): UpstreamStatus {
  return {
    name: upstream.name,
    url: redact(redactUrl(upstream.options.url)),
    tier: upstream.options.tier,
    eligible: upstream.eligible,
    reason: hidden(reasonOf(upstream, now) ?? undefined, redact),
    head: upstream.head < 0 ? null : upstream.head,
    lag: upstream.lag,
    latencyMs: { p50: rounded(upstream.overall.quantile(0.5)), p99: rounded(upstream.overall.quantile(0.99)) },
    errorRatio: rounded(failureShare(upstream.breaker, now)) ?? 0,
    inFlight: upstream.inFlight.size,
    failuresInARow: upstream.failuresInARow,
    breaker: upstream.breaker.phase,
    cordoned: upstream.out?.why === 'cordoned',
    suspect: upstream.suspect,
    degraded: upstream.conduct.troubled,
    websocket: upstream.options.ws !== undefined,
    lastProbeAt: upstream.lastProbeWall === undefined ? null : isoTime(upstream.lastProbeWall),
    lastError: hidden(upstream.lastError, redact),
  }
}

function reasonOf(upstream: UpstreamState, now: number): string | null {
  if (upstream.out !== undefined) return describeReason(upstream.out)
  if (upstream.suspect) return 'suspect: it says nothing although it was asked'
  if (upstream.pausedUntil > now) return 'it asked us to slow down'
  if (upstream.breaker.phase !== 'closed') return 'its breaker is open: too many of its answers failed'
  return describeDegradation(upstream, now) ?? null
}

/** Reasons hold what an upstream said, and it may repeat what it was sent. */
function hidden(text: string | undefined, redact: Redact): string | null {
  return text === undefined ? null : redact(redactText(text))
}

function secondsOf(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms) / 1000
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 1000) / 1000
}
