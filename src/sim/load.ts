import type { Clock, Timer } from '../core/clock.ts'

/** Submissions closer together than this leave in one go. */
const finestMs = 1

/** Hands transactions out at an even rate until stopped. */
export class Load {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #submit: () => void
  #startedAt = 0
  #sent = 0
  #timer: Timer | undefined

  /** `submit` is called once for each transaction, `perSecond` times a second. */
  constructor(clock: Clock, perSecond: number, submit: () => void) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#submit = submit
  }

  start(): void {
    if (this.#perSecond === 0) return
    this.#startedAt = this.#clock.now()
    this.#tick()
  }

  stop(): void {
    this.#clock.clear(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const due = Math.floor(((this.#clock.now() - this.#startedAt) * this.#perSecond) / 1000)
    for (; this.#sent < due; this.#sent++) this.#submit()
    this.#timer = this.#clock.after(Math.max(finestMs, 1000 / this.#perSecond), () => this.#tick())
  }
}
