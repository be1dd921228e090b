import type { Clock } from '../../core/clock.ts'
import type { Outcome } from '../../rpc/call.ts'
import { type BreakerRule, noteEnd } from './breaker.ts'
import { noteFailure, noteGoodAnswer } from './health.ts'
import type { AttemptObserver } from './pool.ts'
import type { Attempt, NetworkState, UpstreamState } from './state.ts'

/** First pause after "slow down" without a Retry-After; doubled each time up to the longest. */
const firstPauseMs = 1000
const longestPauseMs = 30_000
/** A refused key or a spent plan is tried again after this long. */
const cordonMs = 600_000
/** Methods remembered per upstream; beyond that a client invents names. */
const maxUnsupported = 500

export interface LearnOptions {
  readonly network: NetworkState
  readonly breaker: BreakerRule
  readonly clock: Clock
  /** The state of the upstream has changed in a way that the probe and the derived state should know of at once. */
  disturbed(upstream: UpstreamState): void
  breakerMoved(upstream: UpstreamState): void
}

/** Learns from live traffic: what an attempt's end says about its upstream counts at once, not at the next probe. */
export function learning(options: LearnOptions): AttemptObserver {
  const { network, breaker, clock } = options
  return {
    ended(attempt, outcome) {
      const { upstream } = attempt
      if (isOurDoing(outcome)) {
        releaseTrial(upstream)
        return
      }
      const now = clock.now()
      const failed = outcome.verdict?.effect.blamed === true
      upstream.answers++
      if (failed) upstream.failures++
      if (noteEnd(upstream.breaker, breaker, failed, now)) options.breakerMoved(upstream)
      if (failed) {
        network.lastTroubleAt = now
        noteFailure(network, upstream, `${attempt.call.label}: ${outcome.verdict!.rule}`)
        options.disturbed(upstream)
      } else if (outcome.verdict === undefined) noteGoodAnswer(upstream)
      if (remember(attempt, outcome, now)) options.disturbed(upstream)
    },
    suspected(upstream) {
      network.lastTroubleAt = clock.now()
      options.disturbed(upstream)
    },
  }
}

/** The attempt was cut short by us, so its end says nothing about the upstream. */
function isOurDoing(outcome: Outcome): boolean {
  return outcome.verdict?.class === 'UNKNOWN' && outcome.answer.kind === 'refusal'
}

function releaseTrial(upstream: UpstreamState): void {
  if (upstream.breaker.phase === 'trial') upstream.breaker.phase = 'open'
}

/** Remembers what the verdict's effect says; true when the upstream's eligibility may have changed. */
function remember(attempt: Attempt, outcome: Outcome, now: number): boolean {
  const { upstream, call } = attempt
  switch (outcome.verdict?.effect.remember) {
    case 'unsupportedMethod':
      if (upstream.unsupported.size < maxUnsupported) upstream.unsupported.add(call.name)
      return false
    case 'backOff':
      pause(upstream, outcome.retryAfterMs, now)
      return false
    case 'cordon':
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

function pause(upstream: UpstreamState, askedMs: number | undefined, now: number): void {
  // Several calls were in flight when the limit struck: they tell the same news, not ever worse news.
  if (upstream.pausedUntil > now) return
  const again = now - upstream.pausedUntil < 2 * upstream.pauseMs
  upstream.pauseMs = again ? Math.min(longestPauseMs, upstream.pauseMs * 2) : firstPauseMs
  upstream.pausedUntil = now + Math.min(longestPauseMs, askedMs ?? upstream.pauseMs)
}
