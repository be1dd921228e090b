import type { Clock, Timer } from '../../core/clock.ts'
import type { Call, Outcome, Trail } from '../../rpc/call.ts'
import { WaitingLine } from './waiting-line.ts'

/** What comes of a try to begin: undefined when the client has no place at the upstream that it should go to. */
export type Begun = Outcome | Promise<Outcome> | undefined

/** Who can begin attempts, and refuse them. */
export interface Beginner<C extends Call> {
  /** At the upstream that is the best for the call. */
  begin(call: C): Begun
  /** At any upstream where its client has a place. */
  beginAnywhere(call: C): Begun
  refuse(why: 'noPlace' | 'deadline' | 'noUpstream'): Outcome
}

/** As long as a call is patient with a node that does not answer. */
const spillMs = 100
/** Health changes, and who has given up leaves, without anybody telling the line. */
const lookMs = 50

/**
 * The calls of those clients that have as many attempts running as they may. No attempt begins while they wait, so that
 * nobody takes an upstream for slow that was not asked.
 */
export class Crowd<C extends Call> {
  readonly #clock: Clock
  readonly #beginner: Beginner<C>
  readonly #line = new WaitingLine()
  readonly #waiting = new Set<Trail>()
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock, beginner: Beginner<C>) {
    this.#clock = clock
    this.#beginner = beginner
  }

  /** Waits for a place; at once refused when too many do. A call waits once, whoever wants a second attempt for it. */
  wait(call: C): Outcome | Promise<Outcome> {
    if (this.#closed || this.#waiting.has(call.trail)) return this.#beginner.refuse('noUpstream')
    const since = this.#clock.now()
    let take!: (begun: Outcome | Promise<Outcome>) => void
    const outcome = new Promise<Outcome>((resolve) => {
      take = resolve
    })
    const isIn = this.#line.add(call.client ?? '', () => {
      const begun = this.#begin(call, since)
      if (begun === undefined) return false
      this.#waiting.delete(call.trail)
      take(begun)
      return true
    })
    if (!isIn) return this.#beginner.refuse('noPlace')
    this.#waiting.add(call.trail)
    this.#timer ??= this.#clock.after(lookMs, () => this.#look())
    return outcome
  }

  #begin(call: C, since: number): Begun {
    if (this.#closed || call.trail.settled) return this.#beginner.refuse('deadline')
    // Its rescue, or whom the rescue was for, was quicker to get a place.
    if (call.trail.running.length > 0) return this.#beginner.refuse('noUpstream')
    const begun = this.#beginner.begin(call)
    if (begun !== undefined || this.#clock.now() - since < spillMs) return begun
    return this.#beginner.beginAnywhere(call)
  }

  /** An attempt has ended: its place is free. */
  freed(): void {
    if (this.#line.size > 0) this.#line.moveUp()
  }

  #look(): void {
    this.#timer = undefined
    this.#line.moveAll()
    if (this.#line.size > 0) this.#timer = this.#clock.after(lookMs, () => this.#look())
  }

  /** Refuses all that wait. */
  close(): void {
    this.#closed = true
    this.#clock.clear(this.#timer)
    this.#line.moveAll()
  }
}
