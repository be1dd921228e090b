import type { Random } from '../../core/random.ts'
import type { Call } from '../../rpc/call.ts'
import { methodTraits } from '../../rpc/methods.ts'
import { type BreakerRule, failureShare, letsThrough } from './breaker.ts'
import { isBeyondHistory } from './history.ts'
import { waitFor } from './limits.ts'
import { has, isUneven, type Need, needOf } from './reach.ts'
import { hasShare } from './shares.ts'
import type { NetworkState, UpstreamState } from './state.ts'

/** Which upstream a call goes to, or why to none. */
export type Choice =
  | { readonly kind: 'upstream'; readonly upstream: UpstreamState }
  /** Upstreams are well, but all have been asked as much as they allow. */
  | { readonly kind: 'spent'; readonly waitMs: number }
  /** Every eligible upstream has been tried for this call. */
  | { readonly kind: 'exhausted' }
  /** Whoever is eligible has said before that it does not have this method. */
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'none' }

/** What the choice depends on besides the state. */
export interface ChoiceContext {
  readonly tried: readonly UpstreamState[]
  readonly breaker: BreakerRule
  readonly random: Random
  readonly now: number
}

/** How willingly an upstream is used; lower comes first. Undefined: not at all. */
type Rank = number

/** Comes after every other rank. */
const lastRank = 32

/**
 * Chooses by rank (primaries before backups, well ones before degraded ones before suspects and open breakers), then by the
 * network's strategy among equals. Now and then a degraded one that would come first if it was well gets a call, so that
 * its recovery shows.
 */
export function choose(network: NetworkState, call: Call, context: ChoiceContext): Choice {
  const seen = survey(network, call, context)
  if (seen.best.length > 0) {
    const chosen = pickAmong(seen.best, network, call, context)
    return { kind: 'upstream', upstream: onTrial(seen, chosen, network, call, context) ?? chosen }
  }
  if (seen.waitMs < Number.POSITIVE_INFINITY) return { kind: 'spent', waitMs: seen.waitMs }
  return { kind: seen.tried ? 'exhausted' : seen.unsupported ? 'unsupported' : 'none' }
}

interface Survey {
  readonly best: UpstreamState[]
  readonly bestRank: number
  /** A degraded upstream, the first of those that would be best if they were well. */
  readonly degraded: UpstreamState | undefined
  readonly waitMs: number
  readonly tried: boolean
  readonly unsupported: boolean
}

function survey(network: NetworkState, call: Call, context: ChoiceContext): Survey {
  let best: UpstreamState[] = []
  let bestRank = Number.POSITIVE_INFINITY
  let waitMs = Number.POSITIVE_INFINITY
  let degraded: UpstreamState | undefined
  let tried = false
  let unsupported = false
  const need = isUneven(network) ? needOf(network, call) : undefined
  for (const upstream of network.upstreams) {
    if (!upstream.eligible || !suits(upstream, call)) continue
    if (context.tried.includes(upstream)) {
      tried = true
      continue
    }
    const refused = upstream.unsupported.size > 0 && upstream.unsupported.has(call.name)
    if (refused && !isUsual(call.name)) {
      unsupported = true
      continue
    }
    const wait = restOf(upstream, network, call, context.now)
    if (wait > 0) {
      waitMs = Math.min(waitMs, wait)
      continue
    }
    const own = rankOf(upstream, call, context)
    const known = need === undefined || !lacks(network, upstream, call, need) ? own : rankOfLacking(own, need)
    const rank = refused ? known + lastRank : known
    if (isDegradedRank(rank) && (degraded === undefined || rank < rankOf(degraded, call, context))) degraded = upstream
    if (rank > bestRank) continue
    if (rank < bestRank) best = []
    bestRank = rank
    best.push(upstream)
  }
  return { best, bestRank, degraded, waitMs, tried, unsupported }
}

/**
 * Methods that execution clients share: who says of one that it is not there may mean one client's request, as a plan or a
 * filter before the node does. It is asked last, and never taken at its word by all.
 */
function isUsual(name: string): boolean {
  return /^(?:eth|net|web3)_/.test(name) && methodTraits(name).label === name
}

/** A client that names the height it wants itself has no other need. */
function lacks(network: NetworkState, upstream: UpstreamState, call: Call, need: Need): boolean {
  return !(need === 'told' && call.directive?.minHead !== undefined) && !has(network, upstream, need)
}

/**
 * Who lacks the block that a call names comes after all that have it, of whatever rank: its answer would be wrong. Who is
 * only behind what clients were told comes after all that are well, and before who may not answer at all.
 */
function rankOfLacking(rank: Rank, need: Need): Rank {
  if (need !== 'told') return rank + 8
  return rank < 4 ? 3.5 + rank / 10 : rank
}

function isDegradedRank(rank: Rank): boolean {
  return rank === 2 || rank === 3
}

/** The degraded upstream when it is its turn to show whether it is well again: only for calls that may be rescued. */
function onTrial(
  { degraded, bestRank }: Survey,
  chosen: UpstreamState,
  network: NetworkState,
  call: Call,
  { tried, now }: ChoiceContext,
): UpstreamState | undefined {
  if (degraded === undefined || bestRank > 1 || tried.length > 0) return undefined
  if (call.repeat !== 'safe' || call.patienceMs !== undefined) return undefined
  const rank = degraded.options.tier === 'backup' ? 1 : 0
  const isFirst =
    rank < bestRank || (rank === bestRank && (network.strategy !== 'ordered' || degraded.index < chosen.index))
  return isFirst && degraded.conduct.takeTrickle(call, now) ? degraded : undefined
}

function suits(upstream: UpstreamState, call: Call): boolean {
  const wanted = call.directive
  if (wanted === undefined) return true
  if (wanted.upstream !== undefined && wanted.upstream !== upstream.name) return false
  return wanted.minHead === undefined || upstream.head >= wanted.minHead
}

/** Milliseconds until the upstream may be asked again; 0 means now. */
function restOf(upstream: UpstreamState, network: NetworkState, { client }: Call, now: number): number {
  const { maxConcurrent, maxConsecutive } = upstream.options
  if (upstream.pausedUntil > now) return upstream.pausedUntil - now
  if (maxConcurrent !== undefined && !hasShare(upstream, client, maxConcurrent)) return 1000
  if (maxConsecutive !== undefined && hadItsTurn(upstream, network, maxConsecutive)) return 1000
  return waitFor(upstream.allowance, now)
}

function hadItsTurn(upstream: UpstreamState, network: NetworkState, limit: number): boolean {
  if (network.lastChosen !== upstream.index || network.chosenInARow < limit) return false
  // Alone, it can never be relieved: the limit asks for another's turn, not for silence.
  return network.upstreams.some((other) => other !== upstream && other.eligible)
}

function rankOf(upstream: UpstreamState, call: Call, context: ChoiceContext): Rank {
  const backup = upstream.options.tier === 'backup' ? 1 : 0
  // Data that an upstream is known to have dropped may still be had from a backup.
  if (isBeyondHistory(upstream, call)) return (backup + 6) as Rank
  if (isDoubtful(upstream, call, context)) return (backup + 4) as Rank
  // Where others do better, they come first: the well of the next tier, too.
  return (upstream.conduct.isDegradedFor(call, context.now) ? backup + 2 : backup) as Rank
}

function isDoubtful(upstream: UpstreamState, call: Call, { breaker, now }: ChoiceContext): boolean {
  if (upstream.suspect || upstream.rests.restOf(call.label, now) > 0) return true
  return !letsThrough(upstream.breaker, breaker, now)
}

function pickAmong(
  best: readonly UpstreamState[],
  network: NetworkState,
  call: Call,
  context: ChoiceContext,
): UpstreamState {
  const first = best[0]!
  if (best.length === 1 || network.strategy === 'ordered') return first
  if (network.strategy === 'roundRobin') return best.find((one) => one.index > network.lastChosen) ?? first
  return lighterOfTwo(best, call.label, network.blockMs ?? 1000, context)
}

/** Power of two choices: of two drawn at random, the one with the smaller score × load. */
function lighterOfTwo(
  best: readonly UpstreamState[],
  label: string,
  blockMs: number,
  { random, now }: ChoiceContext,
): UpstreamState {
  const one = random.int(best.length)
  const other = (one + 1 + random.int(best.length - 1)) % best.length
  const fastestMs = Math.min(...best.map((upstream) => paceOf(upstream, label) ?? Number.POSITIVE_INFINITY))
  const burden = (upstream: UpstreamState): number =>
    score(upstream, { label, fastestMs, blockMs, now }) * (upstream.inFlight.size + 1)
  return burden(best[one]!) <= burden(best[other]!) ? best[one]! : best[other]!
}

/** What an upstream is measured against. */
export interface ScoreContext {
  /** The method in question: a node may be quick at one and slow at another. */
  readonly label: string
  readonly fastestMs: number
  /** Time between blocks, to turn a lag in blocks into one in seconds. */
  readonly blockMs: number
  readonly now: number
}

/**
 * Cost of choosing an upstream, 1 at best: slower than the fastest peer, failing and lagging all add to it. A lag of ten
 * seconds weighs as much as twice the fastest latency.
 */
export function score(upstream: UpstreamState, { label, fastestMs, blockMs, now }: ScoreContext): number {
  const own = paceOf(upstream, label)
  const latency = own === undefined || !Number.isFinite(fastestMs) ? 1 : own / Math.max(fastestMs, 0.05)
  return latency * (1 + 10 * failureShare(upstream.breaker, now)) + 0.1 * upstream.lag * (blockMs / 1000)
}

/** Usual duration of a method at an upstream, or of all that it was asked while the method is new to it. */
function paceOf(upstream: UpstreamState, label: string): number | undefined {
  return upstream.latency.get(label)?.quantile(0.5) ?? upstream.overall.quantile(0.5)
}
