import type { Clock } from '../../core/clock.ts'
import type { Call, Outcome } from '../../rpc/call.ts'
import type { AttemptObserver } from '../upstream/pool.ts'
import type { Attempt, NetworkState, UpstreamState } from '../upstream/state.ts'
import type { HedgeOptions } from './options.ts'

/** Below this a second attempt costs more than the wait, in milliseconds. */
const shortestWaitMs = 10
/** Observations without which a quantile means nothing. */
const enoughHistory = 20
/** What usually takes longer than this is tried at a peer to compare with, from so few observations on, in milliseconds. */
const comparedAfterMs = 250
const enoughToCompare = 3
/** While nothing has gone wrong for this long, hedges have a smaller budget. */
const quietAfterMs = 10_000
const quietPercent = 2
/** Extra attempts that may have been saved up, or owed. */
const longestPurse = 10
/** After a rescue that was right, this long all are taken for right. */
const trustMs = 1000
/** What runs at a degraded upstream is helped after twice the time that a peer needs, within these bounds. */
const longestTrialMs = 250
const trialFactor = 2
const unknownTrialMs = 50

/**
 * Decides when a second attempt may start beside a slow one, and keeps the number of those that were not needed within a
 * share of the calls, hedges and rescues together. What was needed costs nothing: the first had not answered by twice the
 * time that the call took.
 */
export class Hedging implements AttemptObserver {
  readonly #options: HedgeOptions
  readonly #network: NetworkState
  readonly #clock: Clock
  #purse = 1
  #unproven = 0
  #rightAt = Number.NEGATIVE_INFINITY

  constructor(options: HedgeOptions, network: NetworkState, clock: Clock) {
    this.#options = options
    this.#network = network
    this.#clock = clock
  }

  /** Milliseconds after which the call's running attempt is slower than its method usually is; undefined: never hedge. */
  after(call: Call): number | undefined {
    this.#earn()
    if (this.#network.upstreams.length < 2) return undefined
    const upstream = call.trail.tried.at(-1) as UpstreamState | undefined
    if (upstream?.conduct.isDegradedFor(call, this.#clock.now())) return this.#trialMs(upstream, call)
    if (this.#options.afterQuantile >= 1) return undefined
    const history = upstream?.latency.get(call.label)
    if (history === undefined || history.size < enoughToCompare) return undefined
    if (history.quantile(0.5)! > comparedAfterMs && !this.#isCompared(upstream!, call)) return comparedAfterMs
    if (history.size < enoughHistory) return undefined
    return Math.ceil(Math.max(shortestWaitMs, history.quantile(this.#options.afterQuantile)!))
  }

  /** Takes one hedge from the budget; false when it is used up. What is on trial is helped without. */
  take(call?: Call): boolean {
    const upstream = call?.trail.tried.at(-1) as UpstreamState | undefined
    if (call !== undefined && upstream?.conduct.isDegradedFor(call, this.#clock.now())) return true
    if (this.#purse < 1) return false
    this.#purse--
    return true
  }

  /**
   * Whether a rescue may start: one goes ahead, and as many as are saved up; when it was right, all others follow.
   *
   * @param overdue it has waited so long that it may start in any case
   */
  mayRescue(overdue: boolean): boolean {
    const isFree = overdue || this.#clock.now() - this.#rightAt < trustMs
    return isFree || this.#unproven < Math.max(1, Math.floor(this.#purse))
  }

  rescueStarted(): void {
    this.#unproven++
  }

  /** @param right the rescue answered in far less time than the first attempt had had */
  rescueEnded(right: boolean): void {
    this.#unproven--
    if (right) this.#rightAt = this.#clock.now()
  }

  /** An attempt was rightly given up: had it been a hedge that was taken for it, it is given back. */
  outrun({ upstream, call, trouble }: Attempt): void {
    if (trouble !== undefined || upstream.conduct.isDegradedFor(call, this.#clock.now())) return
    this.#purse = Math.min(longestPurse, this.#purse + 1)
  }

  /** A rescued attempt that answers in time after all was a false alarm: its rescue has to be paid. */
  ended({ trouble, outrun, call, progress }: Attempt, outcome: Outcome): void {
    const alarmed = trouble === 'silent' || trouble === 'stalled'
    if (!alarmed || outrun || call.trail.attempts < 2 || progress.heardAt === undefined) return
    if (outcome.verdict === undefined) this.#purse = Math.max(-longestPurse, this.#purse - 1)
  }

  suspected(): void {}

  /** Whether a peer is known at the method: an upstream that was never well looks like a slow method until then. */
  #isCompared(upstream: UpstreamState, { label }: Call): boolean {
    return this.#network.upstreams.some(
      (peer) => peer !== upstream && (peer.latency.get(label)?.size ?? 0) >= enoughToCompare,
    )
  }

  #trialMs(upstream: UpstreamState, { label }: Call): number {
    let best = Number.POSITIVE_INFINITY
    for (const peer of this.#network.upstreams) {
      const usual = peer === upstream ? undefined : peer.latency.get(label)?.quantile(0.95)
      if (usual !== undefined && usual < best) best = usual
    }
    if (!Number.isFinite(best)) return unknownTrialMs
    return Math.ceil(Math.min(longestTrialMs, Math.max(shortestWaitMs, trialFactor * best)))
  }

  #earn(): void {
    const quiet = this.#clock.now() - this.#network.lastTroubleAt > quietAfterMs
    const percent = quiet ? Math.min(quietPercent, this.#options.maxExtraPercent) : this.#options.maxExtraPercent
    this.#purse = Math.min(longestPurse, this.#purse + percent / 100)
  }
}
