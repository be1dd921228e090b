import type { Attempt } from './state.ts'

/** The attempts that run at one upstream: an array that fills its gaps from the end, as adding and deleting happen per call. */
export class InFlight implements Iterable<Attempt> {
  readonly #attempts: Attempt[] = []

  get size(): number {
    return this.#attempts.length
  }

  add(attempt: Attempt): void {
    attempt.place = this.#attempts.push(attempt) - 1
  }

  /** Takes an attempt out; the last one moves into its place. */
  delete(attempt: Attempt): void {
    if (this.#attempts[attempt.place] !== attempt) return
    const last = this.#attempts.pop()!
    if (last === attempt) return
    this.#attempts[attempt.place] = last
    last.place = attempt.place
  }

  /** In no order of meaning, over a copy: attempts may end while they are looked at. */
  [Symbol.iterator](): Iterator<Attempt> {
    return this.#attempts.slice()[Symbol.iterator]()
  }
}
