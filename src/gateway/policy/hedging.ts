import type { Clock } from '../../core/clock.ts'
import type { Call } from '../../rpc/call.ts'
import type { NetworkState, UpstreamState } from '../upstream/state.ts'
import type { HedgeOptions } from './options.ts'

/** Below this a second attempt costs more than the wait, in milliseconds. */
const shortestWaitMs = 10
/** Observations without which a quantile means nothing. */
const enoughHistory = 20
/** While nothing has gone wrong for this long, hedges have a smaller budget. */
const quietAfterMs = 10_000
const quietPercent = 2
/** Hedges that may have been saved up. */
const longestPurse = 10

/** Decides when a second attempt may start beside a slow one, and keeps the number of them within a share of the calls. */
export class Hedging {
  readonly #options: HedgeOptions
  readonly #network: NetworkState
  readonly #clock: Clock
  #purse = 1

  constructor(options: HedgeOptions, network: NetworkState, clock: Clock) {
    this.#options = options
    this.#network = network
    this.#clock = clock
  }

  /** Milliseconds after which the call's running attempt is slower than its method usually is; undefined: never hedge. */
  after(call: Call): number | undefined {
    this.#earn()
    if (this.#options.afterQuantile >= 1 || this.#network.upstreams.length < 2) return undefined
    const upstream = call.trail.tried.at(-1) as UpstreamState | undefined
    const history = upstream?.latency.get(call.label)
    if (history === undefined || history.size < enoughHistory) return undefined
    return Math.ceil(Math.max(shortestWaitMs, history.quantile(this.#options.afterQuantile)!))
  }

  /** Takes one hedge from the budget; false when it is used up. */
  take(): boolean {
    if (this.#purse < 1) return false
    this.#purse--
    return true
  }

  #earn(): void {
    const quiet = this.#clock.now() - this.#network.lastTroubleAt > quietAfterMs
    const percent = quiet ? Math.min(quietPercent, this.#options.maxExtraPercent) : this.#options.maxExtraPercent
    this.#purse = Math.min(longestPurse, this.#purse + percent / 100)
  }
}
