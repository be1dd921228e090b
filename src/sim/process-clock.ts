import type { Clock, Timer } from '../core/clock.ts'

/** The clock of one run of a process: when the process dies, its timers die with it. */
export class ProcessClock implements Clock {
  readonly #clock: Clock
  readonly #skewMs: number
  #dead = false

  /** `skewMs` is how far this machine's wall clock is ahead of the others'. */
  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock
    this.#skewMs = skewMs
  }

  now(): number {
    return this.#clock.now()
  }

  wall(): number {
    return this.#clock.wall() + this.#skewMs
  }

  after(ms: number, run: () => void): Timer {
    return this.#clock.after(ms, () => {
      if (!this.#dead) run()
    })
  }

  clear(timer: Timer | undefined): void {
    this.#clock.clear(timer)
  }

  die(): void {
    this.#dead = true
  }
}
