/** A started timer; hand it back to {@link Clock.clear}. */
export interface Timer {
  readonly due: number
}

/**
 * The only source of time. Everything that waits or measures is handed one, so that tests and the simulator run the
 * same code under virtual time.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never jumps back; fractions are kept. For measuring and for deadlines. */
  now(): number
  /** Milliseconds since the Unix epoch. For timestamps that leave the process; it may jump. */
  wall(): number
  /** Calls `run` once, `ms` from now at the earliest. */
  after(ms: number, run: () => void): Timer
  /** Cancels a timer; a timer that has fired, or undefined, is left in peace. */
  clear(timer: Timer | undefined): void
}

class RealTimer implements Timer {
  readonly due: number
  readonly handle: NodeJS.Timeout
  constructor(due: number, handle: NodeJS.Timeout) {
    this.due = due
    this.handle = handle
  }
}

/** The machine's clock. Its timers keep the process alive, as Node's do. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => new RealTimer(performance.now() + ms, setTimeout(run, ms)),
  clear: (timer) => {
    if (timer !== undefined) clearTimeout((timer as RealTimer).handle)
  },
}

/** Resolves after `ms` on the given clock. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}

/** Resolves once pending I/O callbacks have had their turn. */
export function afterPendingInput(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** A moment of {@link Clock.wall} as ISO 8601 in UTC. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
