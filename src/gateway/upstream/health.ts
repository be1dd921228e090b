import { networkHead, witnesses } from './head.ts'
import { refreshTold } from './reach.ts'
import type { NetworkState, OutReason, UpstreamState } from './state.ts'

const minuteMs = 60_000
/** Losses a minute that cost nothing; each further one doubles the time an upstream must stay well. */
const freeLosses = 3
const firstHoldMs = 2000
const longestHoldMs = 60_000
/** A head that has not moved for so many of its usual steps stands still, and never before the shortest time. */
const standsAfterBlocks = 10
const shortestStandMs = 30_000

/** Something that an operator wants to read about. */
export type HealthChange =
  | { readonly kind: 'lost'; readonly upstream: UpstreamState; readonly reason: OutReason }
  | { readonly kind: 'returned'; readonly upstream: UpstreamState }
  | { readonly kind: 'failover'; readonly active: boolean }
  | { readonly kind: 'head'; readonly stands: boolean; readonly ageMs: number }

/** Notes a probe that failed, or a call for which the upstream could not be reached. */
export function noteFailure(network: NetworkState, upstream: UpstreamState, detail: string): void {
  upstream.failuresInARow++
  upstream.lastError = detail
  if (upstream.failuresInARow >= network.maxFailures) upstream.down = true
}

/** Notes a call that failed once it was sent. It may be this request's own doing: the next probe decides. */
export function noteCallFailure(network: NetworkState, upstream: UpstreamState, detail: string): void {
  upstream.failuresInARow = Math.max(
    upstream.failuresInARow,
    Math.min(upstream.failuresInARow + 1, network.maxFailures - 1),
  )
  // What a probe was told says more.
  if (upstream.refusedProbes === 0) upstream.lastError = detail
}

/** Notes a probe that went well: one is enough, whatever came before. */
export function noteProbeSuccess(upstream: UpstreamState): void {
  upstream.seen = true
  upstream.down = false
  upstream.failuresInARow = 0
  upstream.refusedProbes = 0
  upstream.cordonedUntil = 0
  upstream.cordonReason = undefined
}

/** Notes a good answer to a client. It ends a row of failures but does not bring back who is down: a probe does. */
export function noteGoodAnswer(upstream: UpstreamState): void {
  if (!upstream.down) upstream.failuresInARow = 0
}

/** Brings head, lag, eligibility and failover of a network up to date; says what changed. */
export function refresh(network: NetworkState, now: number): HealthChange[] {
  const fit = network.upstreams.filter((upstream) => unfitBecause(network, upstream, now) === undefined)
  updateHead(network, fit, now)
  refreshTold(network, now)
  const changes: HealthChange[] = []
  for (const upstream of network.upstreams) {
    const change = judge(network, upstream, now)
    if (change !== undefined) changes.push(change)
  }
  const active = failoverNow(network)
  if (active !== network.failoverActive) {
    network.failoverActive = active
    changes.push({ kind: 'failover', active })
  }
  const stands = headStandsNow(network, now)
  if (stands !== network.headStands) {
    network.headStands = stands
    changes.push({ kind: 'head', stands, ageMs: now - network.headMovedAt })
  }
  return changes
}

/** Milliseconds since the head was made, or since it was first seen; undefined while there is none. */
export function headAge(network: NetworkState, now: number): number | undefined {
  return network.head < 0 ? undefined : Math.max(0, now - (network.headBornAt ?? network.headMovedAt))
}

/** Without a pace nothing stands still: a chain may make blocks on demand. */
function headStandsNow({ blockMs, headMovedAt }: NetworkState, now: number): boolean {
  return blockMs !== undefined && now - headMovedAt > Math.max(shortestStandMs, standsAfterBlocks * blockMs)
}

function updateHead(network: NetworkState, fit: readonly UpstreamState[], now: number): void {
  if (fit.length === 0) return
  const counted = witnesses(fit)
  moveHead(network, networkHead(counted, network.maxLag), now)
  const holder = counted.find((upstream) => upstream.head === network.head)
  network.headHash = holder?.headHash
  network.headBornAt = holder?.headBornAt
  network.safe = highest(
    counted.map((upstream) => upstream.safe),
    network.head,
  )
  network.finalized = highest(
    counted.map((upstream) => upstream.finalized),
    network.head,
  )
  for (const upstream of network.upstreams) {
    upstream.lag = upstream.head < 0 ? 0 : Math.max(0, network.head - upstream.head)
  }
}

/** A moving average of the time between blocks goes along, to tell a lag in seconds. */
function moveHead(network: NetworkState, head: number, now: number): void {
  const blocks = head - network.head
  if (blocks > 0 && network.head >= 0) {
    const each = (now - network.headMovedAt) / blocks
    network.blockMs = network.blockMs === undefined ? each : 0.9 * network.blockMs + 0.1 * each
  }
  if (blocks !== 0) network.headMovedAt = now
  network.head = head
}

function highest(values: readonly (number | undefined)[], limit: number): number | undefined {
  const known = values.filter((value) => value !== undefined && value <= limit) as number[]
  return known.length === 0 ? undefined : Math.max(...known)
}

/** Everything that keeps an upstream out but its height. */
function unfitBecause(network: NetworkState, upstream: UpstreamState, now: number): OutReason | undefined {
  if (upstream.cordonReason !== undefined && upstream.cordonedUntil > now) {
    return { why: 'cordoned', detail: upstream.cordonReason }
  }
  if (upstream.chain !== undefined && network.chain !== undefined && upstream.chain !== network.chain) {
    return { why: 'wrongChain', expected: network.chain, found: upstream.chain }
  }
  if (upstream.down) return unreachable(upstream)
  if (!upstream.seen) return upstream.lastError === undefined ? { why: 'unknown' } : unreachable(upstream)
  if (upstream.syncing !== undefined) return { why: 'syncing', detail: upstream.syncing }
  return undefined
}

function unreachable(upstream: UpstreamState): OutReason {
  return { why: 'unreachable', detail: upstream.lastError ?? 'no answer' }
}

function judge(network: NetworkState, upstream: UpstreamState, now: number): HealthChange | undefined {
  const reason = unfitBecause(network, upstream, now) ?? lagging(network, upstream) ?? recovering(upstream, now)
  const was = upstream.eligible
  upstream.eligible = reason === undefined
  const before = upstream.out
  upstream.out = reason
  if (reason === undefined) return was ? undefined : { kind: 'returned', upstream }
  if (reason.why !== 'recovering') upstream.wellSince = now
  if (was) noteLoss(upstream, now)
  // An upstream that was never in service is lost once, when the reason is first known.
  const firstNews = before?.why === 'unknown' && reason.why !== 'unknown' && reason.why !== 'recovering'
  return was || firstNews ? { kind: 'lost', upstream, reason } : undefined
}

function lagging(network: NetworkState, upstream: UpstreamState): OutReason | undefined {
  if (upstream.lag <= network.maxLag) return undefined
  return { why: 'lagging', lag: upstream.lag, limit: network.maxLag }
}

function recovering(upstream: UpstreamState, now: number): OutReason | undefined {
  if (upstream.eligible) return undefined
  const untilMs = upstream.wellSince + upstream.holdMs
  return untilMs > now ? { why: 'recovering', untilMs } : undefined
}

function noteLoss(upstream: UpstreamState, now: number): void {
  upstream.losses = [...upstream.losses.filter((at) => now - at < minuteMs), now]
  const beyond = upstream.losses.length - freeLosses
  upstream.holdMs = beyond <= 0 ? 0 : Math.min(longestHoldMs, firstHoldMs * 2 ** (beyond - 1))
}

function failoverNow(network: NetworkState): boolean {
  let backup = false
  for (const upstream of network.upstreams) {
    if (!upstream.eligible) continue
    if (upstream.options.tier === 'primary') return false
    backup = true
  }
  return backup
}

/** The reason as a person reads it. */
export function describeReason(reason: OutReason): string {
  switch (reason.why) {
    case 'unknown':
      return 'not probed yet'
    case 'unreachable':
      return reason.detail
    case 'recovering':
      return 'well again, but it came and went too often: it must stay well for a while first'
    case 'wrongChain':
      return `wrong chain: ${reason.found} instead of ${reason.expected}`
    case 'syncing':
      return reason.detail
    case 'lagging':
      return `lags by ${reason.lag}, the limit is ${reason.limit}`
    case 'cordoned':
      return reason.detail
  }
}
