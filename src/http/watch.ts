import type { Clock, Timer } from '../core/clock.ts'

/** Something with deadlines. */
export interface Watched {
  check(now: number): void
}

/**
 * Looks at all members a few times a second, instead of a timer for each. The time is coarse: {@link now} is as old as
 * the last look, so a deadline taken from it may fire early by one interval; {@link past} allows for that.
 */
export class Watch<T extends Watched> {
  readonly members: Set<T> = new Set()
  readonly intervalMs: number
  #now: number
  readonly #clock: Clock
  readonly #onLook: () => void
  #timer: Timer | undefined

  /** `shortestMs` is the shortest deadline: four looks fall into it, down to 10 ms between looks, up to 250. */
  constructor(clock: Clock, shortestMs: number, onLook: () => void = () => {}) {
    this.#clock = clock
    this.#onLook = onLook
    this.#now = clock.now()
    this.intervalMs = Math.min(250, Math.max(10, Math.floor(shortestMs / 4)))
  }

  /** Milliseconds on the clock at the last look; without members nobody looks, so the clock itself is read. */
  get now(): number {
    if (this.#timer === undefined) this.#now = this.#clock.now()
    return this.#now
  }

  add(member: T): void {
    this.members.add(member)
    if (this.#timer === undefined) this.#look()
  }

  delete(member: T): void {
    this.members.delete(member)
    if (this.members.size > 0) return
    this.#clock.clear(this.#timer)
    this.#timer = undefined
  }

  /** Whether `limitMs` have certainly gone by since the coarse moment `since`. */
  past(since: number, limitMs: number): boolean {
    return this.#now - since >= limitMs + this.intervalMs
  }

  #look = (): void => {
    this.#now = this.#clock.now()
    this.#onLook()
    for (const member of this.members) member.check(this.#now)
    this.#timer = this.members.size === 0 ? undefined : this.#clock.after(this.intervalMs, this.#look)
  }
}
