import type { Attempt } from './state.ts'

/**
 * The attempts that run at one upstream.
 *
 * Not a Set: each table that a churning Set leaves behind points to the next one, so that once a table has reached the
 * old generation, all later attempts survive until the next full collection. That cost a fifth of all CPU time.
 */
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
