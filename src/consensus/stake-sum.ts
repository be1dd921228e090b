import type { AuthorityIndex } from './types.ts'

/** Adds up stake, every authority at most once. */
export class StakeSum {
  readonly #stakes: readonly number[]
  // A plain array: thousands of small sums live at a time, and a typed array each would cost more than its content.
  readonly #counted: boolean[]
  #total = 0

  constructor(stakes: readonly number[]) {
    this.#stakes = stakes
    this.#counted = new Array<boolean>(stakes.length).fill(false)
  }

  get total(): number {
    return this.#total
  }

  /** The sum after this authority is counted. */
  add(author: AuthorityIndex): number {
    if (this.#counted[author] === false) {
      this.#counted[author] = true
      this.#total += this.#stakes[author] ?? 0
    }
    return this.#total
  }

  has(author: AuthorityIndex): boolean {
    return this.#counted[author] === true
  }

  clear(): void {
    this.#counted.fill(false)
    this.#total = 0
  }
}
