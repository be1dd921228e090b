import type { Clock } from '../../core/clock.ts'
import type { Outcome } from '../../rpc/call.ts'
import { type BreakerRule, noteEnd } from './breaker.ts'
import { noteFailure, noteGoodAnswer } from './health.ts'
import { noteForgotten } from './history.ts'
import type { AttemptObserver } from './pool.ts'
import type { Attempt, NetworkState, UpstreamState } from './state.ts'

/** First pause after "slow down" without a Retry-After; doubled each time up to the longest. */
const firstPauseMs = 1000
const longestPauseMs = 30_000
/** A refused key or a spent plan is tried again after this long. */
const cordonMs = 600_000
/** Methods remembered per upstream; beyond that a client invents names. */
const maxUnsupported = 500
const longestName = 200

export interface LearnOptions {
  readonly network: NetworkState
  readonly breaker: BreakerRule
  readonly clock: Clock
  /** The state of the upstream has changed in a way that the probe and the derived state should know of at once. */
  disturbed(upstream: UpstreamState): void
  breakerMoved(upstream: UpstreamState): void
}

/** Learns from how attempts end, and from what other upstreams say afterwards. */
export interface Learner extends AttemptObserver {
  /** An upstream's unexplained error was contradicted by another's answer: it was a failure of the upstream's own. */
  contradicted(name: string, rule: string): void
}

/** Learns from live traffic: what an attempt's end says about its upstream counts at once, not at the next probe. */
export function learning(options: LearnOptions): Learner {
  const { network, breaker, clock } = options
  const blame = (upstream: UpstreamState, detail: string, now: number): void => {
    upstream.failures++
    network.lastTroubleAt = now
    if (noteEnd(upstream.breaker, breaker, true, now)) options.breakerMoved(upstream)
    noteFailure(network, upstream, detail)
    options.disturbed(upstream)
  }
  return {
    ended(attempt, outcome) {
      const { upstream } = attempt
      if (isOurDoing(outcome)) {
        releaseTrial(upstream)
        return
      }
      const now = clock.now()
      const { verdict } = outcome
      upstream.answers++
      if (verdict?.effect.blamed === true) blame(upstream, `${attempt.call.label}: ${verdict.rule}`, now)
      else if (noteEnd(upstream.breaker, breaker, false, now)) options.breakerMoved(upstream)
      if (isSoundAnswer(outcome)) noteGoodAnswer(upstream)
      if (remember(attempt, outcome, now)) options.disturbed(upstream)
    },
    suspected(upstream) {
      network.lastTroubleAt = clock.now()
      options.disturbed(upstream)
    },
    contradicted(name, rule) {
      const upstream = network.upstreams.find((one) => one.name === name)
      if (upstream !== undefined) blame(upstream, `another upstream contradicted it: ${rule}`, clock.now())
    },
  }
}

/** The attempt was cut short by us, so its end says nothing about the upstream. */
function isOurDoing(outcome: Outcome): boolean {
  return outcome.verdict?.class === 'UNKNOWN' && outcome.answer.kind === 'refusal'
}

/** A node that refuses a call for good reasons is as well as one that answers it. */
function isSoundAnswer({ verdict }: Outcome): boolean {
  return verdict === undefined || (!verdict.effect.blamed && verdict.class !== 'UNKNOWN')
}

function releaseTrial(upstream: UpstreamState): void {
  if (upstream.breaker.phase === 'trial') upstream.breaker.phase = 'open'
}

/** Remembers what the verdict's effect says; true when the upstream's eligibility may have changed. */
function remember(attempt: Attempt, outcome: Outcome, now: number): boolean {
  const { upstream, call } = attempt
  switch (outcome.verdict?.effect.remember) {
    case 'unsupportedMethod':
      noteUnsupported(upstream, call.name)
      return false
    case 'backOff':
      pause(upstream, outcome.retryAfterMs, now)
      return false
    case 'historyBound':
      noteForgotten(upstream, call)
      return false
    case 'cordon':
      // Where clients bring their own keys, a refused one says nothing about ours.
      if (upstream.options.passHeaders.length > 0) return false
      upstream.cordonedUntil = now + cordonMs
      upstream.cordonReason = outcome.verdict.class === 'AUTH' ? 'it refuses our key' : 'its plan is spent'
      return true
    case 'notEligible':
      upstream.syncing = 'says that it is catching up'
      return true
    default:
      return false
  }
}

function noteUnsupported({ unsupported }: UpstreamState, name: string): void {
  if (unsupported.size < maxUnsupported && name.length <= longestName) unsupported.add(name)
}

function pause(upstream: UpstreamState, askedMs: number | undefined, now: number): void {
  // Several calls were in flight when the limit struck: they tell the same news, not ever worse news.
  if (upstream.pausedUntil > now) return
  const again = now - upstream.pausedUntil < 2 * upstream.pauseMs
  upstream.pauseMs = again ? Math.min(longestPauseMs, upstream.pauseMs * 2) : firstPauseMs
  upstream.pausedUntil = now + Math.min(longestPauseMs, askedMs ?? upstream.pauseMs)
}
