import type { AuthorityIndex } from './types.ts'

/** Adds up stake, every authority at most once. */
export class StakeSum {
  readonly #stakes: readonly number[]
  readonly #counted: Uint8Array
  #total = 0

  constructor(stakes: readonly number[]) {
    this.#stakes = stakes
    this.#counted = new Uint8Array(stakes.length)
  }

  get total(): number {
    return this.#total
  }

  /** The sum after this authority is counted. */
  add(author: AuthorityIndex): number {
    if (this.#counted[author] === 0) {
      this.#counted[author] = 1
      this.#total += this.#stakes[author] ?? 0
    }
    return this.#total
  }

  has(author: AuthorityIndex): boolean {
    return this.#counted[author] === 1
  }

  clear(): void {
    this.#counted.fill(0)
    this.#total = 0
  }
}
