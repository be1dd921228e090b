import type { Clock } from '../../core/clock.ts'
import type { Call, Outcome } from '../../rpc/call.ts'
import { type BreakerRule, noteEnd } from './breaker.ts'
import { noteCallFailure, noteFailure, noteGoodAnswer } from './health.ts'
import { noteForgotten } from './history.ts'
import type { AttemptObserver } from './pool.ts'
import type { Attempt, NetworkState, UpstreamState } from './state.ts'

/** While calls are answered well, failures of others speak of those others: this long, in milliseconds. */
const vouchedMs = 5000
/** What calls are told gives no more than this many looks a second, lest a client chooses how often we probe. */
const chargeGapMs = 1000
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

/**
 * How a failure may be the request's own doing: not at all, as it never left us; perhaps; or likely, as another upstream
 * has failed at the same call before.
 */
type Doubt = 'none' | 'its own' | 'shared'

function doubtAbout({ upstream, call }: Attempt, { mayHaveActed }: Outcome): Doubt {
  if (!mayHaveActed) return 'none'
  return call.trail.tried.length === 0 || call.trail.tried[0] === upstream ? 'its own' : 'shared'
}

/** Learns from live traffic: what an attempt's end says about its upstream counts at once, not at the next probe. */
export function learning(options: LearnOptions): Learner {
  const { network, breaker, clock } = options
  const blame = (upstream: UpstreamState, detail: string, doubt: Doubt): void => {
    const now = clock.now()
    upstream.failures++
    network.lastTroubleAt = now
    const vouched = now - upstream.soundAt <= vouchedMs
    const mayOpen = doubt === 'none' || (doubt === 'its own' && !vouched)
    if (noteEnd(upstream.breaker, breaker, true, now, mayOpen)) options.breakerMoved(upstream)
    if (doubt === 'none') noteFailure(network, upstream, detail)
    else noteCallFailure(network, upstream, detail)
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
      if (verdict?.effect.blamed === true) {
        blame(upstream, `${attempt.call.label}: ${verdict.rule}`, doubtAbout(attempt, outcome))
      } else if (noteEnd(upstream.breaker, breaker, false, now)) options.breakerMoved(upstream)
      if (isSoundAnswer(outcome)) noteSound(attempt, now)
      if (remember(attempt, outcome, now)) options.disturbed(upstream)
    },
    suspected(upstream) {
      network.lastTroubleAt = clock.now()
      options.disturbed(upstream)
    },
    contradicted(name, rule) {
      const upstream = network.upstreams.find((one) => one.name === name)
      if (upstream !== undefined) blame(upstream, `another upstream contradicted it: ${rule}`, 'its own')
    },
  }
}

/** The attempt was cut short by us, so its end says nothing about the upstream. */
function isOurDoing(outcome: Outcome): boolean {
  return outcome.verdict?.class === 'UNKNOWN' && outcome.answer.kind === 'refusal'
}

/** A verdict of the chain's own is as good as a result. What else is told to a client says nothing of who tells it. */
function isSoundAnswer({ verdict }: Outcome): boolean {
  return verdict === undefined || ['REVERT', 'TXREJ', 'DUP', 'NONCE'].includes(verdict.class)
}

function noteSound({ upstream, call }: Attempt, now: number): void {
  noteGoodAnswer(upstream)
  upstream.soundAt = now
  upstream.rests.answered(call.label)
  if (upstream.unsupported.size > 0) upstream.unsupported.delete(call.name)
  if (call.label !== 'other') upstream.soundAtOf.set(call.label, now)
}

function releaseTrial(upstream: UpstreamState): void {
  if (upstream.breaker.phase === 'trial') upstream.breaker.phase = 'open'
}

/**
 * Remembers what the verdict's effect says; true when a probe should look at once. Anything could be the answer to this
 * request alone (a tracer's own words, a header, a size), so what holds for the upstream as a whole waits for a probe.
 */
function remember({ upstream, call }: Attempt, outcome: Outcome, now: number): boolean {
  switch (outcome.verdict?.effect.remember) {
    case 'unsupportedMethod':
      // A code is said of the method, words and statuses of what was sent.
      if (outcome.verdict.basis === 'code' && !upstream.soundAtOf.has(call.label)) noteUnsupported(upstream, call.name)
      return false
    case 'historyBound':
      if (!runsScripts(call.name)) noteForgotten(upstream, call)
      return false
    case 'backOff':
    case 'cordon':
    case 'notEligible':
      if (outcome.verdict.basis !== undefined) noteRefused(upstream, call, outcome.retryAfterMs, now)
      return isDueForLook(upstream, now)
    default:
      return false
  }
}

/** Where others are answered well, the refusal is of the request. */
function noteRefused(upstream: UpstreamState, { label }: Call, askedMs: number | undefined, now: number): void {
  const soundAt = upstream.soundAtOf.get(label)
  if (soundAt === undefined || now - soundAt > vouchedMs) upstream.rests.refused(label, askedMs, now)
}

function isDueForLook(upstream: UpstreamState, now: number): boolean {
  if (now - upstream.chargedAt < chargeGapMs) return false
  upstream.chargedAt = now
  return true
}

/** Traces run a script of the client's, whose words come back as the node's. */
function runsScripts(name: string): boolean {
  return name.startsWith('debug_') || name.startsWith('trace_')
}

function noteUnsupported({ unsupported }: UpstreamState, name: string): void {
  if (unsupported.size < maxUnsupported && name.length <= longestName) unsupported.add(name)
}
