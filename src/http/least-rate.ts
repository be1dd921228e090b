/**
 * Finds a peer that is slower than it may be, over one window after the other. Only the time counts in which we wait for
 * it; a burst at the start buys no rest afterwards.
 */
export class LeastRate {
  readonly #leastPerSecond: number
  readonly #windowMs: number
  #bytes = 0
  #waitedMs = 0
  #lookedAt: number

  /** @param leastPerSecond bytes; 0 takes any rate */
  constructor(leastPerSecond: number, windowMs: number, now: number) {
    this.#leastPerSecond = leastPerSecond
    this.#windowMs = windowMs
    this.#lookedAt = now
  }

  /** Begins anew: another message. */
  restart(now: number): void {
    this.#bytes = 0
    this.#waitedMs = 0
    this.#lookedAt = now
  }

  note(bytes: number): void {
    this.#bytes += bytes
  }

  /**
   * Whether the peer was too slow over a window that has gone by. To be asked regularly.
   *
   * @param waiting whether it is the peer that we wait for
   * @param mostMs what may count of the time since the last look: what we have slept longer is not the peer's doing
   */
  isBroken(now: number, waiting: boolean, mostMs: number): boolean {
    if (waiting) this.#waitedMs += Math.min(now - this.#lookedAt, mostMs)
    this.#lookedAt = now
    if (this.#waitedMs < this.#windowMs) return false
    const tooSlow = this.#bytes * 1000 < this.#leastPerSecond * this.#waitedMs
    this.restart(now)
    return tooSlow
  }
}
