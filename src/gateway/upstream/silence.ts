import { afterPendingInput, type Clock, type Timer } from '../../core/clock.ts'
import type { Call } from '../../rpc/call.ts'
import type { LatencyHistory } from './latency.ts'
import { nextLook, troubleOf, windowMs } from './progress.ts'
import type { Attempt, AttemptTrouble, UpstreamState } from './state.ts'

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
export function toleratedSilence(upstream: UpstreamState, call: Call, now = 0): number {
  const history = upstream.latency.get(call.label)
  if (history !== undefined && history.size >= enoughHistory) {
    return Math.max(shortestSilenceMs, history.leniency(now), silenceFactor * history.quantile(0.99)!)
  }
  const pace = upstream.overall.quantile(0.99) ?? 0
  const seen = history?.quantile(0.99) ?? 0
  return Math.max(shortestSilenceMs, silenceFactor * Math.max(expectedP99[call.cost], pace, seen))
}

/** Shortest wait after which one attempt is late on its own account, in milliseconds. */
const shortestLateness: Record<Call['cost'], number> = { light: 100, medium: 100, heavy: 250 }
/** A share of slow answers must not raise the patience: so many times the usual duration, however slow the slowest. */
const latenessFactor = 16
/** So many times as much is vastly longer. */
const vastly = 8
/** Patience with one of many that hang, in shortest ones. */
const fewTimes = 4
/** Observations without which nobody knows what is usual. */
const someHistory = 8
/** Longest patience with a method that has no history, in milliseconds: a third of the default deadline of a call. */
const longestUnknown = 10_000

/**
 * How long one attempt may wait while others of its upstream are answered, in milliseconds: much longer than is usual for
 * its method there. One connection may hang alone.
 */
export function attemptPatience(upstream: UpstreamState, call: Call, now = 0): number {
  if (call.patienceMs !== undefined) return call.patienceMs
  const shortest = shortestLateness[call.cost]
  const silence = toleratedSilence(upstream, call, now)
  const history = upstream.latency.get(call.label)
  if (history === undefined || history.size < someHistory) {
    const alone = Math.min(longestUnknown, Math.max(shortest, silence), littleKnown(history, shortest))
    return Math.max(Math.min(alone, fewTimes * shortest), alone / hanging(upstream, call.label))
  }
  return Math.max(shortest, history.leniency(now), Math.min(silence, latenessFactor * history.quantile(0.5)!))
}

/** Calls of a method that wait at an upstream: of many that say nothing, each says it for the others, too. */
function hanging({ inFlight }: UpstreamState, label: string): number {
  let count = 0
  for (const { call, progress, abandoned } of inFlight) {
    if (call.label === label && progress.heardAt === undefined && !abandoned) count++
  }
  return Math.max(1, count)
}

/** From the first answers on, one that takes vastly longer than all of them is late. */
function littleKnown(history: LatencyHistory | undefined, shortest: number): number {
  const slowest = history?.quantile(1)
  if (slowest === undefined) return Number.POSITIVE_INFINITY
  return Math.max(vastly * shortest, vastly * latenessFactor * slowest)
}

/** Moment at which an attempt makes its upstream suspect if nothing is heard until then. */
function patienceEnds(attempt: Attempt): number {
  const { upstream, startedAt } = attempt
  if (upstream.suspect || attempt.call.patienceMs !== undefined) return Number.POSITIVE_INFINITY
  return Math.max(upstream.lastAnswerAt, startedAt) + toleratedSilence(upstream, attempt.call, startedAt)
}

/** Told what the watch finds. */
export interface SilenceObserver {
  /** The upstream says nothing at all. */
  silent(upstream: UpstreamState): void
  /** One attempt makes no progress, whatever its upstream says to others. Told once. */
  late(attempt: Attempt, trouble: AttemptTrouble): void
}

/**
 * Watches upstreams that have calls in flight for silence. One timer per upstream, none while it is idle: an answer
 * moves nothing, the timer itself looks when it fires how much patience is left.
 */
export class SilenceWatch {
  readonly #clock: Clock
  readonly #observer: SilenceObserver
  readonly #timers = new Map<UpstreamState, Timer>()

  constructor(clock: Clock, observer: SilenceObserver) {
    this.#clock = clock
    this.#observer = observer
  }

  /** To be called when an attempt begins. */
  began(attempt: Attempt): void {
    const { upstream } = attempt
    attempt.progress.patienceMs = attemptPatience(upstream, attempt.call, attempt.startedAt)
    const due = Math.min(patienceEnds(attempt), nextLook(attempt))
    this.#armBy(upstream, due)
  }

  /** To be called when an answer begins: one that is given long may drip from its first byte. */
  heard(attempt: Attempt): void {
    if (attempt.progress.patienceMs > windowMs) this.#armBy(attempt.upstream, nextLook(attempt))
  }

  #armBy(upstream: UpstreamState, due: number): void {
    if (due === Number.POSITIVE_INFINITY) return
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
    if (due === Number.POSITIVE_INFINITY) return
    if (due > this.#clock.now()) this.#arm(upstream, due)
    else if (inputRead) this.#judge(upstream)
    // If we were the ones who slept, the answers lie in the socket buffers: read those first.
    else void afterPendingInput().then(() => this.#look(upstream, true))
  }

  #judge(upstream: UpstreamState): void {
    const now = this.#clock.now()
    if (silenceEnds(upstream) <= now) this.#observer.silent(upstream)
    for (const attempt of upstream.inFlight) {
      const trouble = attempt.abandoned ? undefined : troubleOf(attempt, now)
      if (trouble !== undefined) this.#observer.late(attempt, trouble)
    }
    this.#look(upstream)
  }
}

/** Moment at which the upstream or one of its attempts has to be judged; infinite while nobody waits. */
function earliestEnd(upstream: UpstreamState): number {
  let earliest = Number.POSITIVE_INFINITY
  for (const attempt of upstream.inFlight) {
    if (!attempt.abandoned) earliest = Math.min(earliest, patienceEnds(attempt), nextLook(attempt))
  }
  return earliest
}

function silenceEnds(upstream: UpstreamState): number {
  let earliest = Number.POSITIVE_INFINITY
  for (const attempt of upstream.inFlight) {
    if (!attempt.abandoned) earliest = Math.min(earliest, patienceEnds(attempt))
  }
  return earliest
}
