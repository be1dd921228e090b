import type { DagNode } from './dag.ts'
import { StakeSum } from './stake-sum.ts'
import type { Round } from './types.ts'

/** Rounds between two clean-ups. */
const collectInterval = 20

/**
 * Who makes leaders win. A committed block right above a committed leader that links it is a vote; its author earns the
 * stake of the committed blocks one round further up that link the vote.
 */
export class Reputation {
  readonly #stakes: readonly number[]
  readonly #leaders = new Set<DagNode>()
  readonly #votes = new Map<DagNode, StakeSum>()
  #scores: number[]
  #collected: Round = 0

  constructor(stakes: readonly number[]) {
    this.#stakes = stakes
    this.#scores = stakes.map(() => 0)
  }

  /** By authority. */
  get scores(): readonly number[] {
    return this.#scores
  }

  /**
   * Counts a commit; `blocks` in order of execution. Links down to `gcRound` do not count: whether a block still has
   * them depends on when it came, and everybody must count alike.
   */
  add(leader: DagNode, blocks: readonly DagNode[], gcRound: Round): void {
    this.#leaders.add(leader)
    for (const block of blocks) {
      if (block.round - 1 <= gcRound) continue
      for (const parent of block.parents) if (parent.round === block.round - 1) this.#count(block, parent)
    }
  }

  #count(block: DagNode, parent: DagNode): void {
    if (this.#leaders.has(parent)) this.#votes.set(block, this.#votes.get(block) ?? new StakeSum(this.#stakes))
    const vote = this.#votes.get(parent)
    if (vote === undefined) return
    const before = vote.total
    this.#scores[parent.author] = (this.#scores[parent.author] ?? 0) + vote.add(block.author) - before
  }

  /** Lets go of what can earn nothing any more: nothing at or below `gcRound` is ever ordered. */
  collect(gcRound: Round): void {
    // Looks at everything it keeps, so not at every commit.
    if (gcRound < this.#collected + collectInterval) return
    this.#collected = gcRound
    for (const leader of this.#leaders) if (leader.round <= gcRound) this.#leaders.delete(leader)
    for (const vote of this.#votes.keys()) if (vote.round <= gcRound) this.#votes.delete(vote)
  }

  /** Begins a new schedule. */
  reset(): void {
    this.#leaders.clear()
    this.#votes.clear()
    this.#scores = this.#stakes.map(() => 0)
  }
}
