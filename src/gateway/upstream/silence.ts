import { afterPendingInput, type Clock, type Timer } from '../../core/clock.ts'
import type { Call } from '../../rpc/call.ts'
import type { Attempt, UpstreamState } from './state.ts'

/** Shortest silence that makes an upstream suspect, in milliseconds. */
export const shortestSilenceMs = 50
const silenceFactor = 4
/** Observations of a method at an upstream from which its own history counts alone. */
const enoughHistory = 30
/** What a method is granted until its history is known, in milliseconds of p99. */
const expectedP99: Record<Call['cost'], number> = { light: 12.5, medium: 20, heavy: 5000 }

/**
 * How long an upstream may say nothing at all after it was asked this, in milliseconds: max(50, 4 × p99 of the method's
 * own history there). Before there is a history, the upstream's general pace and the method's cost stand in.
 */
export function toleratedSilence(upstream: UpstreamState, call: Call): number {
  const history = upstream.latency.get(call.label)
  if (history !== undefined && history.size >= enoughHistory) {
    return Math.max(shortestSilenceMs, silenceFactor * history.quantile(0.99)!)
  }
  const pace = upstream.overall.quantile(0.99) ?? 0
  const seen = history?.quantile(0.99) ?? 0
  return Math.max(shortestSilenceMs, silenceFactor * Math.max(expectedP99[call.cost], pace, seen))
}

/** Moment at which an attempt makes its upstream suspect if nothing is heard until then. */
function patienceEnds(attempt: Attempt): number {
  const { upstream, startedAt } = attempt
  return Math.max(upstream.lastAnswerAt, startedAt) + toleratedSilence(upstream, attempt.call)
}

/**
 * Watches upstreams that have calls in flight for silence. One timer per upstream, none while it is idle: an answer
 * moves nothing, the timer itself looks when it fires how much patience is left.
 */
export class SilenceWatch {
  readonly #clock: Clock
  readonly #onSuspect: (upstream: UpstreamState) => void
  readonly #timers = new Map<UpstreamState, Timer>()

  constructor(clock: Clock, onSuspect: (upstream: UpstreamState) => void) {
    this.#clock = clock
    this.#onSuspect = onSuspect
  }

  /** To be called when an attempt begins. */
  began(attempt: Attempt): void {
    const { upstream } = attempt
    if (upstream.suspect) return
    const due = patienceEnds(attempt)
    const timer = this.#timers.get(upstream)
    if (timer === undefined || timer.due > due) this.#arm(upstream, due)
  }

  /** Forgets all timers. */
  close(): void {
    for (const timer of this.#timers.values()) this.#clock.clear(timer)
    this.#timers.clear()
  }

  #arm(upstream: UpstreamState, due: number): void {
    const wait = Math.max(1, Math.ceil(due - this.#clock.now()))
    this.#clock.clear(this.#timers.get(upstream))
    const timer = this.#clock.after(wait, () => {
      this.#timers.delete(upstream)
      this.#look(upstream)
    })
    this.#timers.set(upstream, timer)
  }

  #look(upstream: UpstreamState, inputRead = false): void {
    const due = earliestEnd(upstream)
    if (due === undefined || upstream.suspect) return
    if (due > this.#clock.now()) this.#arm(upstream, due)
    else if (inputRead) this.#onSuspect(upstream)
    // If we were the ones who slept, the answers lie in the socket buffers: read those first.
    else void afterPendingInput().then(() => this.#look(upstream, true))
  }
}

function earliestEnd(upstream: UpstreamState): number | undefined {
  let earliest: number | undefined
  for (const attempt of upstream.inFlight) {
    if (attempt.abandoned) continue
    const end = patienceEnds(attempt)
    if (earliest === undefined || end < earliest) earliest = end
  }
  return earliest
}
