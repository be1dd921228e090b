import type { Clock, Timer } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { Call, Handler, Outcome, Refusal, RunningAttempt } from '../../rpc/call.ts'
import { effects } from '../../rpc/error-classes.ts'
import { type BreakerRule, noteBegin } from './breaker.ts'
import type { Carrier } from './carrier.ts'
import { type Begun, Crowd } from './crowd.ts'
import { couldNotAnswer, inDoubt, isBehindAll, isForsaken, lastResort, staleness } from './last-resort.ts'
import { spend } from './limits.ts'
import { newProgress } from './progress.ts'
import { noteTold } from './reach.ts'
import { type Choice, choose } from './selection.ts'
import { hasPlace } from './shares.ts'
import { SilenceWatch } from './silence.ts'
import { type Attempt, type AttemptTrouble, historyOf, type NetworkState, type UpstreamState } from './state.ts'

/** Who wants to know how attempts go. They learn; none of them changes an answer. */
export interface AttemptObserver {
  ended(attempt: Attempt, outcome: Outcome, durationMs: number): void
  /** Another attempt answered the call, and by twice that time this one had not. */
  outrun?(attempt: Attempt): void
  /** The upstream has said nothing at all for too long. */
  suspected(upstream: UpstreamState): void
}

export interface PoolOptions {
  readonly network: NetworkState
  readonly breaker: BreakerRule
  readonly clock: Clock
  readonly random: Random
  readonly observers: readonly AttemptObserver[]
  /** Hides the secrets of the config in what an upstream has said. */
  discreet?(text: string): string
}

/** How long an abandoned attempt may stay for what its lateness teaches. */
const abandonedMs = 10_000
/** Nobody is outrun sooner than this, in milliseconds. */
const shortestOutrunMs = 50
/** A false alarm teaches at most so many times the patience that it overran: it may have been a hang that ended. */
const longestLesson = 8

/** Chooses an upstream for each attempt, sends it, and keeps account of what is in flight. */
export class Pool<C extends Call> {
  readonly #options: PoolOptions
  readonly #carrier: Carrier<C>
  readonly #silence: SilenceWatch
  readonly #crowd: Crowd<C>

  constructor(options: PoolOptions, carrier: Carrier<C>) {
    this.#options = options
    this.#carrier = carrier
    this.#silence = new SilenceWatch(options.clock, {
      silent: (upstream) => this.suspect(upstream),
      late: (attempt, trouble) => rescue(attempt, trouble),
    })
    this.#crowd = new Crowd<C>(options.clock, {
      begin: (call) => this.#begin(call, call.trail.tried as UpstreamState[]),
      beginAnywhere: (call) => this.#beginAnywhere(call),
      refuse: (why) => ownAnswer(why === 'noPlace' ? { reason: 'limited', retryAfterMs: 1000 } : { reason: why }),
    })
  }

  /** One attempt at the best upstream that this call has not tried yet. */
  readonly attempt: Handler<C> = (call) =>
    this.#begin(call, call.trail.tried as UpstreamState[]) ?? this.#crowd.wait(call)

  #begin(call: C, tried: readonly UpstreamState[]): Begun {
    const { network, breaker, random, clock } = this.#options
    const now = clock.now()
    const choice = choose(network, call, { tried, breaker, random, now })
    if (choice.kind === 'upstream' && !isBehindAll(network, choice.upstream)) {
      return hasPlace(choice.upstream, call.client) ? this.#run(call, choice.upstream, now) : undefined
    }
    const stale = choice.kind === 'upstream' ? inDoubt(network, choice.upstream, call) : undefined
    const isLast = choice.kind === 'none' || (choice.kind === 'exhausted' && isForsaken(call))
    const upstream = stale ?? (isLast ? lastResort(network, call, tried) : undefined)
    if (upstream !== undefined) {
      return hasPlace(upstream, call.client) ? this.#runStale(call, upstream, now) : undefined
    }
    return refusalFor(choice.kind === 'upstream' ? { kind: 'none' } : choice, call, network)
  }

  #beginAnywhere(call: C): Begun {
    const full = this.#options.network.upstreams.filter((upstream) => !hasPlace(upstream, call.client))
    const begun = this.#begin(call, [...(call.trail.tried as UpstreamState[]), ...full])
    // That nobody else is left to ask is no answer: there will be a place.
    return begun instanceof Promise ? begun : undefined
  }

  async #runStale(call: C, upstream: UpstreamState, now: number): Promise<Outcome> {
    const outcome = await this.#run(call, upstream, now)
    const { network, discreet } = this.#options
    const stale = staleness(network, upstream)
    return { ...outcome, stale: stale === undefined || discreet === undefined ? stale : discreet(stale) }
  }

  /** One attempt at a given upstream, whatever the selection would say: for probes and for what must stay there. */
  attemptAt(call: C, upstream: UpstreamState): Promise<Outcome> {
    return this.#run(call, upstream, this.#options.clock.now())
  }

  /** As {@link attemptAt}, where the client has a place there. */
  attemptWithin(call: C, upstream: UpstreamState): Promise<Outcome> {
    if (hasPlace(upstream, call.client)) return this.attemptAt(call, upstream)
    return Promise.resolve(ownAnswer({ reason: 'limited', retryAfterMs: 1000 }))
  }

  /** Cuts all that is in flight. */
  destroy(): void {
    this.#crowd.close()
    this.#silence.close()
    for (const upstream of this.#options.network.upstreams) for (const attempt of upstream.inFlight) attempt.abort()
  }

  #run(call: C, upstream: UpstreamState, now: number): Promise<Outcome> {
    // Its time may have run out while it waited for its turn: nobody would ever end this attempt.
    if (call.trail.settled) return Promise.resolve(ownAnswer({ reason: 'deadline' }))
    this.#account(upstream, now)
    call.trail.attempts++
    call.trail.tried.push(upstream)
    return new Promise((resolve) => {
      const attempt = new PooledAttempt(call, upstream, now, this.#options.clock, this.#silence, {
        ended: (outcome) => {
          this.#ended(attempt, outcome)
          resolve(outcome)
        },
        outrun: () => {
          for (const observer of this.#options.observers) observer.outrun?.(attempt)
        },
      })
      call.trail.running.push(attempt)
      upstream.inFlight.add(attempt)
      attempt.carried = this.#carrier(call, upstream, attempt)
      this.#silence.began(attempt)
    })
  }

  #account(upstream: UpstreamState, now: number): void {
    const { network, breaker } = this.#options
    spend(upstream.allowance)
    noteBegin(upstream.breaker, breaker, now)
    network.chosenInARow = network.lastChosen === upstream.index ? network.chosenInARow + 1 : 1
    network.lastChosen = upstream.index
  }

  #ended(attempt: PooledAttempt, outcome: Outcome): void {
    const { upstream, call } = attempt
    const now = this.#options.clock.now()
    upstream.inFlight.delete(attempt)
    remove(call.trail.running, attempt)
    call.trail.answeringSince = attempt.startedAt
    if (!couldNotAnswer(outcome)) call.trail.heardOut = true
    const duration = now - attempt.startedAt
    attempt.trouble ??= troubleAtEnd(attempt, outcome)
    if (teaches(attempt, outcome)) learnDuration(attempt, duration, now)
    if (outcome.verdict === undefined && !attempt.abandoned)
      noteTold(this.#options.network, upstream, call, outcome, now)
    for (const observer of this.#options.observers) observer.ended(attempt, outcome, duration)
    this.#crowd.freed()
  }

  /** Takes an upstream for hung: what waits there is tried elsewhere, and new calls avoid it. */
  suspect(upstream: UpstreamState): void {
    if (upstream.suspect) return
    upstream.suspect = true
    upstream.suspectedAt = this.#options.clock.now()
    for (const observer of this.#options.observers) observer.suspected(upstream)
    for (const attempt of upstream.inFlight) {
      attempt.stuck = true
      // What is granted its time gets it, and is tried elsewhere then.
      if (isGrantedTime(attempt.call)) continue
      rescue(attempt, attempt.progress.heardAt === undefined ? 'silent' : 'stalled')
    }
  }
}

/** Has what waits at an upstream that was lost tried elsewhere: when it fell silent, there may have been nobody to ask. */
export function forsake(upstream: UpstreamState): void {
  for (const { abandoned, call, trouble } of upstream.inFlight) {
    const waits = trouble !== undefined && !abandoned && call.trail.running.length === 1 && !isGrantedTime(call)
    if (waits) call.trail.onStuck?.()
  }
}

/** Has what runs at an upstream that does badly tried elsewhere: its patience was meant for one that is well. */
export function reconsider(upstream: UpstreamState, now: number): void {
  for (const attempt of upstream.inFlight) {
    if (attempt.call.patienceMs === undefined && upstream.conduct.isDegradedFor(attempt.call, now))
      rescue(attempt, 'silent')
  }
}

function isGrantedTime({ patienceMs }: Call): boolean {
  return patienceMs !== undefined && patienceMs < Number.POSITIVE_INFINITY
}

/** Has the call of an attempt that makes no progress tried elsewhere, once. */
function rescue(attempt: Attempt, trouble: AttemptTrouble): void {
  if (attempt.trouble !== undefined) return
  attempt.trouble = trouble
  if (!attempt.abandoned) attempt.call.trail.onStuck?.()
}

/** What the end of an attempt says of its course: it never came, stopped, or broke off. */
function troubleAtEnd({ heard }: PooledAttempt, outcome: Outcome): AttemptTrouble | undefined {
  if (outcome.verdict?.class !== 'NODE' || outcome.answer.kind !== 'refusal') return undefined
  if (outcome.verdict.rule === timedOut) return heard ? 'stalled' : 'silent'
  return heard ? 'broken' : undefined
}

/** Whether the duration is its method's: it was answered, and in the time that such a call needs elsewhere. */
function teaches({ heard, outrun, stuck, trouble, call }: PooledAttempt, { verdict }: Outcome): boolean {
  // Where nobody else was asked, a hang that has ended looks like a call that takes long.
  if (!heard || outrun || trouble === 'broken' || (stuck && call.trail.attempts < 2)) return false
  return verdict?.rule !== cutHere && verdict?.rule !== timedOut
}

/** What answered late, but in time, was a false alarm: the method takes that long, so be patient with it at once. */
function learnDuration({ upstream, call, trouble, progress }: PooledAttempt, durationMs: number, now: number): void {
  const history = historyOf(upstream, call.label, now)
  if (trouble === undefined) history.record(durationMs, now)
  else history.recordLate(Math.min(durationMs, longestLesson * progress.patienceMs), now)
  upstream.overall.record(durationMs, now)
}

/** Notes a sign of life: a suspect that answers is one no longer. */
export function noteHeard(upstream: UpstreamState, now: number): void {
  upstream.lastAnswerAt = now
  upstream.suspect = false
}

class PooledAttempt implements Attempt, RunningAttempt {
  readonly upstream: UpstreamState
  readonly call: Call
  readonly startedAt: number
  readonly #clock: Clock
  readonly #silence: SilenceWatch
  readonly #owner: { ended(outcome: Outcome): void; outrun(): void }
  carried: { abort(): void } | undefined
  stuck = false
  trouble: AttemptTrouble | undefined
  readonly progress = newProgress()
  abandoned = false
  outrun = false
  heard = false
  place = -1
  #over = false
  #patience: Timer | undefined

  constructor(
    call: Call,
    upstream: UpstreamState,
    startedAt: number,
    clock: Clock,
    silence: SilenceWatch,
    owner: { ended(outcome: Outcome): void; outrun(): void },
  ) {
    this.call = call
    this.upstream = upstream
    this.startedAt = startedAt
    this.#clock = clock
    this.#silence = silence
    this.#owner = owner
  }

  onHeard(): void {
    this.heard = true
    const now = this.#clock.now()
    this.progress.heardAt = now
    noteHeard(this.upstream, now)
    this.#silence.heard(this)
  }

  onResent(): void {
    this.progress.resent = true
  }

  onProgress(bytes: number): void {
    this.progress.bytes += bytes
    this.progress.pieces++
    // The body of a long answer is life as well; what only drips is found by its rate.
    this.upstream.lastAnswerAt = this.#clock.now()
  }

  onOutcome(outcome: Outcome): void {
    if (this.#over) return
    this.#over = true
    this.#clock.clear(this.#patience)
    this.#owner.ended(outcome)
    if (this.abandoned) discard(outcome)
  }

  abandon(): void {
    this.abandoned = true
    const age = this.#clock.now() - this.startedAt
    const moreMs = Math.max(shortestOutrunMs, 2 * age) - age
    // One that began later than the winner has lost for that reason alone.
    const mayBeOutrun = this.startedAt < this.call.trail.answeringSince && moreMs < abandonedMs
    this.#patience = this.#clock.after(mayBeOutrun ? moreMs : abandonedMs, () => {
      if (mayBeOutrun) this.#isOutrun(abandonedMs - moreMs)
      else this.abort('unwanted')
    })
  }

  #isOutrun(leftMs: number): void {
    this.outrun = true
    this.#owner.outrun()
    this.#patience = this.#clock.after(leftMs, () => this.abort('unwanted'))
  }

  abort(why: 'unwanted' | 'timedOut' = 'unwanted'): void {
    if (this.#over) return
    this.carried?.abort()
    this.onOutcome(cutShort(this.upstream, why))
  }
}

const timedOut = 'timed out here'
const cutHere = 'cut short here'

function cutShort(upstream: UpstreamState, why: 'unwanted' | 'timedOut'): Outcome {
  const verdict =
    why === 'timedOut'
      ? { class: 'NODE' as const, rule: timedOut, effect: effects.NODE }
      : { class: 'UNKNOWN' as const, rule: cutHere, effect: effects.UNKNOWN }
  return { ...ownAnswer({ reason: 'upstreamFailed' }), verdict, upstream: upstream.name, mayHaveActed: true }
}

function refusalFor(choice: Exclude<Choice, { kind: 'upstream' }>, call: Call, network: NetworkState): Outcome {
  if (choice.kind === 'spent') return ownAnswer({ reason: 'limited', retryAfterMs: choice.waitMs })
  if (choice.kind === 'unsupported') return ownAnswer({ reason: 'unsupported' })
  if (choice.kind === 'exhausted') return ownAnswer({ reason: 'upstreamFailed' })
  const wanted = call.directive?.upstream
  const isKnown = wanted === undefined || network.upstreams.some(({ name }) => name === wanted)
  return ownAnswer({ reason: isKnown ? 'noUpstream' : 'unknownUpstream' })
}

/** An outcome in which no upstream had a part. */
export function ownAnswer(refusal: Refusal): Outcome {
  return {
    answer: { kind: 'refusal', refusal },
    verdict: { class: 'NODE', rule: 'refused here', effect: effects.NODE },
    upstream: undefined,
    head: undefined,
    headers: [],
    mayHaveActed: false,
  }
}

/** Gives up what of an outcome is still flowing. */
export function discard(outcome: Outcome): void {
  const { answer } = outcome
  if (answer.kind === 'resultStream') answer.source.abort()
  if (answer.kind === 'http' && !Buffer.isBuffer(answer.body)) answer.body.abort()
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
