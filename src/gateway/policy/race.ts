import type { Clock, Timer } from '../../core/clock.ts'
import type { Call, Handler, Outcome, Policy } from '../../rpc/call.ts'
import { discard } from '../upstream/pool.ts'
import { better, mayGoElsewhere } from './judgement.ts'

/** Why a further attempt starts while another still runs. */
export type RaceReason = 'hedge' | 'rescue'

export interface RaceOptions<C extends Call> {
  readonly clock: Clock
  /** Milliseconds after which a second attempt may start; undefined for never. Asked after the first has begun. */
  hedgeAfter(call: C): number | undefined
  /** Asked when the moment has come: whether the budget for hedges has room. */
  mayHedge(call: C): boolean
  /** Asked when an attempt is in trouble: whether another may start beside it, now that it has waited this long again. */
  mayRescue(call: C, overdue: boolean): boolean
  started(call: C, reason: RaceReason): void
  /** Once per rescue that has started. @param right it answered in far less time than the first attempt had had */
  rescueEnded(call: C, right: boolean): void
}

/** A rescue that has to wait for its turn asks again after this long, and needs no turn after so many times its wait. */
const turnMs = 10
const overdueFactor = 8

/**
 * Lets attempts run beside each other, the first good answer winning: a *hedge* when the first takes longer than its
 * method usually does, a *rescue* at once when the upstream of a running attempt has fallen silent. Calls that may not
 * be repeated never race.
 */
export function race<C extends Call>(options: RaceOptions<C>): Policy<C> {
  return (next) => (call) => {
    if (call.repeat === 'never') return next(call)
    return new Race(options, next, call).run()
  }
}

class Race<C extends Call> {
  readonly #options: RaceOptions<C>
  readonly #next: Handler<C>
  readonly #call: C
  #running = 0
  #best: Outcome | undefined
  #timer: Timer | undefined
  #turn: Timer | undefined
  #beganAt = 0
  /** Moments at which rescues began. */
  readonly #rescues: number[] = []
  #resolve!: (outcome: Outcome) => void
  #reject!: (thrown: unknown) => void
  #over = false

  constructor(options: RaceOptions<C>, next: Handler<C>, call: C) {
    this.#options = options
    this.#next = next
    this.#call = call
  }

  run(): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#beganAt = this.#options.clock.now()
      this.#call.trail.onStuck = () => this.#rescue(this.#options.clock.now())
      this.#start()
      if (!this.#over) this.#armHedge()
    })
  }

  #armHedge(): void {
    const wait = this.#options.hedgeAfter(this.#call)
    if (wait === undefined) return
    this.#timer = this.#options.clock.after(wait, () => {
      if (!this.#over && this.#options.mayHedge(this.#call)) this.#startAnother('hedge')
    })
  }

  /** @param stuckAt when the attempt was found in trouble */
  #rescue(stuckAt: number): void {
    if (this.#over || this.#call.trail.settled) return
    const { clock } = this.#options
    const overdue = clock.now() - this.#beganAt >= overdueFactor * (stuckAt - this.#beganAt)
    if (this.#options.mayRescue(this.#call, overdue)) this.#startAnother('rescue')
    else {
      clock.clear(this.#turn)
      this.#turn = clock.after(turnMs, () => this.#rescue(stuckAt))
    }
  }

  #startAnother(reason: RaceReason): void {
    if (this.#over || this.#call.trail.settled) return
    const before = this.#call.trail.attempts
    this.#start()
    if (this.#call.trail.attempts === before) return
    this.#options.started(this.#call, reason)
    if (reason === 'rescue') this.#rescues.push(this.#options.clock.now())
  }

  #start(): void {
    this.#running++
    const outcome = this.#next(this.#call)
    if (!(outcome instanceof Promise)) this.#ended(outcome)
    else {
      outcome.then(
        (settled) => this.#ended(settled),
        (thrown) => this.#break(thrown),
      )
    }
  }

  #ended(outcome: Outcome): void {
    this.#running--
    if (this.#over) {
      discard(outcome)
      return
    }
    // A second start that found nobody to ask says nothing about the first, which still runs.
    if (outcome.upstream !== undefined || this.#best === undefined) {
      this.#best = this.#best === undefined ? outcome : better(this.#best, outcome)
    }
    if (this.#running === 0 || !mayGoElsewhere(this.#call, outcome)) this.#conclude(this.#best)
  }

  #break(thrown: unknown): void {
    this.#finish()
    for (const _ of this.#rescues) this.#options.rescueEnded(this.#call, false)
    this.#reject(thrown)
  }

  #conclude(outcome: Outcome): void {
    this.#finish()
    this.#settleRescues(outcome)
    this.#resolve(outcome)
  }

  #settleRescues({ upstream, verdict }: Outcome): void {
    if (this.#rescues.length === 0) return
    const [first] = this.#call.trail.tried as { name: string }[]
    const now = this.#options.clock.now()
    for (const beganAt of this.#rescues) {
      const isQuick = now - beganAt < (beganAt - this.#beganAt) / 2
      this.#options.rescueEnded(this.#call, isQuick && verdict === undefined && upstream !== first?.name)
    }
  }

  #finish(): void {
    this.#over = true
    this.#options.clock.clear(this.#timer)
    this.#options.clock.clear(this.#turn)
    this.#call.trail.onStuck = undefined
  }
}
