/** What remembers its own place in the array. */
export interface Placed {
  place: number
}

/** The attempts that run at one upstream: an array that fills its gaps from the end, as adding and deleting happen per call. */
export class InFlight<A extends Placed> implements Iterable<A> {
  readonly #attempts: A[] = []

  get size(): number {
    return this.#attempts.length
  }

  add(attempt: A): void {
    attempt.place = this.#attempts.push(attempt) - 1
  }

  /** Takes an attempt out; the last one moves into its place. */
  delete(attempt: A): void {
    if (this.#attempts[attempt.place] !== attempt) return
    const last = this.#attempts.pop()!
    if (last === attempt) return
    this.#attempts[attempt.place] = last
    last.place = attempt.place
  }

  /** In no order of meaning, over a copy: attempts may end while they are looked at. */
  [Symbol.iterator](): Iterator<A> {
    return this.#attempts.slice()[Symbol.iterator]()
  }
}
