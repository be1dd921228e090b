import type { Clock } from '../core/clock.ts'

/** How much may come at once, and how much each second after that. */
export interface BucketSize {
  readonly burst: number
  readonly perSecond: number
}

/**
 * Measures what a peer sends against what it may send. What has come is taken, into debt if need be, and the answer
 * tells for how long nothing more is to be read: the peer is slowed down by its own full pipe, and nothing is lost.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #size: BucketSize
  #tokens: number
  #at: number

  constructor(clock: Clock, size: BucketSize) {
    this.#clock = clock
    this.#size = size
    this.#tokens = size.burst
    this.#at = clock.now()
  }

  /** Takes `amount`; gives the milliseconds until the debt is paid, 0 when there is none. */
  take(amount: number): number {
    this.#fill()
    this.#tokens -= amount
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / this.#size.perSecond
  }

  /** Takes `amount` if there is so much. */
  tryTake(amount: number): boolean {
    this.#fill()
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }

  #fill(): void {
    const { burst, perSecond } = this.#size
    const now = this.#clock.now()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000)
    this.#at = now
  }
}
