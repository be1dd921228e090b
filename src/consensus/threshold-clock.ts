import { StakeSum } from './stake-sum.ts'
import type { AuthorityIndex, Round } from './types.ts'

/** The round a validator is in: one above the highest round that a quorum has reached in its own DAG. */
export class ThresholdClock {
  readonly #quorum: number
  readonly #arrived: StakeSum
  #round: Round

  constructor(stakes: readonly number[], quorum: number, round: Round) {
    this.#quorum = quorum
    this.#arrived = new StakeSum(stakes)
    this.#round = round
  }

  get round(): Round {
    return this.#round
  }

  /** Counts an accepted block; true when a new round begins. */
  add(round: Round, author: AuthorityIndex): boolean {
    if (round < this.#round) return false
    const jumped = round > this.#round
    if (jumped) {
      this.#round = round
      this.#arrived.clear()
    }
    if (this.#arrived.add(author) < this.#quorum) return jumped
    this.#round++
    this.#arrived.clear()
    return true
  }
}
