/** A body that brings less than this makes no progress, in bytes per second. */
const leastRate = 1024

/**
 * How long a flowing body has made no progress. Bytes pay for time at the least rate, so that a drip runs out of time
 * like one that stops. Time in which its reader had it paused does not count.
 */
export class Pace {
  #idleMs = 0
  /** Since when time counts; undefined while it is paused. */
  #since: number | undefined

  get paused(): boolean {
    return this.#since === undefined
  }

  /** @param now on the gateway's clock, here and below */
  moved(bytes: number, now: number): void {
    const idle = this.idleMs(now)
    this.#idleMs = Math.max(0, idle - (bytes * 1000) / leastRate)
    if (this.#since !== undefined) this.#since = now
  }

  pause(now: number): void {
    this.#idleMs = this.idleMs(now)
    this.#since = undefined
  }

  resume(now: number): void {
    this.#idleMs = this.idleMs(now)
    this.#since = now
  }

  idleMs(now: number): number {
    return this.#idleMs + (this.#since === undefined ? 0 : now - this.#since)
  }
}
