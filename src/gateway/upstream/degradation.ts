import type { Clock } from '../../core/clock.ts'
import type { Call, Outcome } from '../../rpc/call.ts'
import type { Conduct, Trouble } from './conduct.ts'
import { isDoubtful, Outdone } from './outdone.ts'
import type { AttemptObserver } from './pool.ts'
import type { Attempt, NetworkState, UpstreamState } from './state.ts'

/** Nothing below this is slow, whatever a peer does, in milliseconds. */
const neverSlowMs = 250
const slowFactor = 4
/** Observations from which an upstream's own past, or a peer's present, is something to compare with. */
const enoughOwn = 20
const enoughOfPeer = 3
/** The newest probe weighs half. */
const probeWeight = 0.5

/** Told when an upstream becomes degraded, and when nothing is amiss with it any more. */
export type DegradationNews = (upstream: UpstreamState, degraded: boolean) => void

/**
 * Finds upstreams that are half well: method by method, a clearly larger share of attempts is late, mute or broken than at
 * a peer. One bad call is nothing, and what is bad everywhere is nobody's fault.
 */
export class Degradation implements AttemptObserver {
  readonly #network: NetworkState
  readonly #clock: Clock
  readonly #news: DegradationNews
  readonly #worse: (upstream: UpstreamState) => void
  readonly #outdone = new Outdone()

  /** @param worse told each time that an upstream is found degraded in one more method, class of methods, or its probes */
  constructor(
    network: NetworkState,
    clock: Clock,
    news: DegradationNews,
    worse: (upstream: UpstreamState) => void = () => {},
  ) {
    this.#network = network
    this.#clock = clock
    this.#news = news
    this.#worse = worse
  }

  /** Notes how an attempt ended, unless that was our doing. */
  ended(attempt: Attempt, outcome: Outcome, durationMs: number): void {
    // It has been noted when its time was over.
    if (attempt.outrun) return
    const { upstream, call } = attempt
    const { verdict } = outcome
    const now = this.#clock.now()
    if (verdict?.class === 'UNKNOWN' && outcome.answer.kind === 'refusal') {
      if (attempt.trouble !== undefined) this.#noteBad(upstream, call, 'late', now)
    } else if (verdict !== undefined && isDoubtful(upstream, call, outcome)) {
      // While the breaker keeps calls away, its trials are its own affair.
      if (upstream.breaker.phase === 'closed') this.#noteFailed(attempt, outcome, now)
    } else if (durationMs > neverSlowMs && !attempt.abandoned && this.#isSlow(upstream, call, durationMs)) {
      this.#noteBad(upstream, call, 'late', now)
    } else {
      if (attempt.progress.resent) this.#noteBad(upstream, call, 'broken', now)
      else this.#noteGood(upstream, call, now)
      if (call.trail.attempts > 1 && isAnswer(outcome)) this.#noteOutdone(call, now)
    }
  }

  #noteFailed({ upstream, call, trouble }: Attempt, { verdict, mayHaveActed }: Outcome, now: number): void {
    // What was never sent to one that is gone: it has been taken out of service for that.
    if (!mayHaveActed && !upstream.eligible) return
    const isFailure = verdict!.effect.blamed
    const isLate = isFailure && (trouble === 'silent' || trouble === 'stalled')
    if (isLate || (isFailure && !mayHaveActed)) this.#noteBad(upstream, call, isLate ? 'late' : 'broken', now)
    else this.#outdone.failed(upstream, call)
  }

  #noteOutdone(call: Call, now: number): void {
    for (const upstream of this.#outdone.answered(call, now)) this.#noteBad(upstream, call, 'broken', now)
  }

  /** Notes an attempt that has not answered long after another answered its call. */
  outrun({ upstream, call }: Attempt): void {
    this.#noteBad(upstream, call, 'late', this.#clock.now())
  }

  suspected(): void {}

  /** Notes how long a probe took: all upstreams are asked the same, so their probes compare before any call has. */
  probed(upstream: UpstreamState, durationMs: number): void {
    const { conduct } = upstream
    const { probeMs } = conduct
    conduct.probeMs = probeMs === undefined ? durationMs : probeMs + probeWeight * (durationMs - probeMs)
    for (const one of this.#network.upstreams) this.#compareProbes(one, this.#clock.now())
  }

  #compareProbes(upstream: UpstreamState, now: number): void {
    const { conduct } = upstream
    let best = Number.POSITIVE_INFINITY
    for (const peer of this.#peersOf(upstream)) best = Math.min(best, peer.conduct.probeMs ?? best)
    const isSlow = conduct.probeMs !== undefined && conduct.probeMs > Math.max(neverSlowMs, slowFactor * best)
    if (isSlow === (conduct.slowProbesSince !== undefined)) return
    conduct.slowProbesSince = isSlow ? now : undefined
    this.#tell(upstream)
    if (isSlow) this.#worse(upstream)
  }

  #noteGood(upstream: UpstreamState, call: Call, now: number): void {
    const { conduct } = upstream
    const ownRecovered = conduct.of(call, now).noteGood(now)
    const classRecovered = conduct.ofClass(call).noteGood(now)
    if (!ownRecovered && !classRecovered) return
    for (const other of conduct.all()) other.relent()
    this.#tell(upstream)
  }

  #noteBad(upstream: UpstreamState, call: Call, how: Trouble, now: number): void {
    this.#noteBadIn(upstream, (one) => one.conduct.of(call, now), how, now)
    this.#noteBadIn(upstream, (one) => one.conduct.ofClass(call), how, now)
  }

  #noteBadIn(upstream: UpstreamState, pick: (one: UpstreamState) => Conduct, how: Trouble, now: number): void {
    const own = pick(upstream)
    let peerShare = Number.POSITIVE_INFINITY
    for (const peer of this.#peersOf(upstream)) peerShare = Math.min(peerShare, pick(peer).share)
    if (own.noteBad(how, now, peerShare)) {
      this.#tell(upstream)
      this.#worse(upstream)
    }
    for (const other of this.#network.upstreams) this.#acquitIfAlike(upstream, other, pick)
  }

  /** Who was passed over for this one, and does hardly worse, is passed over no longer. */
  #acquitIfAlike(upstream: UpstreamState, other: UpstreamState, pick: (one: UpstreamState) => Conduct): void {
    const theirs = pick(other)
    if (other === upstream || !theirs.degraded) return
    for (const peer of this.#peersOf(other)) if (!theirs.isAlike(pick(peer).share)) return
    theirs.acquit()
    this.#tell(other)
  }

  #peersOf(upstream: UpstreamState): UpstreamState[] {
    return this.#network.upstreams.filter((one) => one !== upstream && one.eligible && !one.suspect)
  }

  #isSlow(upstream: UpstreamState, { label }: Call, durationMs: number): boolean {
    let limit = slowLimit(upstream, label, enoughOwn)
    for (const peer of this.#peersOf(upstream)) limit = Math.min(limit, slowLimit(peer, label, enoughOfPeer))
    return durationMs > limit
  }

  #tell(upstream: UpstreamState): void {
    const { conduct } = upstream
    const troubled = conduct.slowProbesSince !== undefined || conduct.all().some(({ degraded }) => degraded)
    if (troubled === conduct.troubled) return
    conduct.troubled = troubled
    this.#news(upstream, troubled)
  }
}

/** A verdict of the chain's own is an answer; that the node has or offers nothing is none. */
function isAnswer({ verdict }: Outcome): boolean {
  return verdict === undefined || verdict.class === 'REVERT' || verdict.class === 'TXREJ'
}

function slowLimit(upstream: UpstreamState, label: string, enough: number): number {
  const history = upstream.latency.get(label)
  if (history === undefined || history.size < enough) return Number.POSITIVE_INFINITY
  return Math.max(neverSlowMs, slowFactor * history.quantile(0.5)!, 2 * history.quantile(0.95)!)
}

/** Why an upstream is passed over where others do better, as a person reads it; undefined when it is not. */
export function describeDegradation({ conduct }: UpstreamState, now: number): string | undefined {
  if (!conduct.troubled) return undefined
  const [worst, ...more] = conduct.degradedIn(now)
  const others = more.filter(({ what }) => !what.endsWith(' calls')).length
  if (worst !== undefined) {
    const also = others > 0 ? `, and ${others} more` : ''
    return `degraded: ${Math.round(worst.share * 100)} % of ${worst.what} late, unanswered or broken${also}`
  }
  if (conduct.slowProbesSince === undefined || conduct.probeMs === undefined) return undefined
  return `degraded: its probes take ${Math.round(conduct.probeMs)} ms, far longer than another's`
}
