import type { Clock, Timer } from '../core/clock.ts'

/** Runs code of a process; a dead one runs nothing. */
export type Gate = (run: () => void) => void

/**
 * One life of a simulated process. Everything that calls into it goes through {@link Process.enter}: after its death
 * nothing of it runs, and what it throws ends its life instead of the simulation.
 */
export class Process {
  /** The machine's clock as this process sees it: its timers die with it. */
  readonly clock: Clock
  readonly enter: Gate
  #dead = false

  /** `died` is told what the process threw. */
  constructor(clock: Clock, died: (thrown: unknown) => void) {
    this.enter = (run) => {
      if (this.#dead) return
      try {
        run()
      } catch (thrown) {
        died(thrown)
      }
    }
    this.clock = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (ms, run): Timer => clock.after(ms, () => this.enter(run)),
      clear: (timer) => clock.clear(timer),
    }
  }

  get dead(): boolean {
    return this.#dead
  }

  kill(): void {
    this.#dead = true
  }
}
