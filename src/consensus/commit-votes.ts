import type { AuthorityIndex, CommitRef, SignedBlock } from './types.ts'

/** Own votes that still wait for an own block. A validator that catches up by thousands keeps only the newest. */
export class PendingCommitVotes {
  readonly #limit: number
  #votes: CommitRef[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(vote: CommitRef): void {
    this.#votes.push(vote)
    if (this.#votes.length > 2 * this.#limit) this.#votes = this.#votes.slice(-this.#limit)
  }

  /** An own block has voted for everything up to `index`. */
  drop(index: number): void {
    if (this.#votes.length > 0) this.#votes = this.#votes.filter((vote) => vote.index > index)
  }

  /** Takes out the oldest, at most `count`. */
  take(count: number): readonly CommitRef[] {
    return this.#votes.splice(0, count)
  }
}

/** How far the committee has come, by the commit votes seen in its blocks. */
export class CommitVoteMonitor {
  readonly #stakes: readonly number[]
  readonly #quorum: number
  readonly #highest: number[]
  #quorumIndex = 0

  constructor(stakes: readonly number[], quorum: number) {
    this.#stakes = stakes
    this.#quorum = quorum
    this.#highest = stakes.map(() => 0)
  }

  /** Notes the votes of a verified block, whether it is accepted or not. */
  observe({ ref, block }: Pick<SignedBlock, 'ref' | 'block'>): void {
    let risen = false
    for (const { index } of block.commitVotes) {
      if (index <= (this.#highest[ref.author] ?? 0)) continue
      this.#highest[ref.author] = index
      risen ||= index > this.#quorumIndex
    }
    if (risen && this.#stakeAbove(this.#quorumIndex) >= this.#quorum) this.#quorumIndex = this.#count()
  }

  #stakeAbove(index: number): number {
    let stake = 0
    for (let author = 0; author < this.#highest.length; author++) {
      if ((this.#highest[author] ?? 0) > index) stake += this.#stakes[author] ?? 0
    }
    return stake
  }

  /** The highest commit index that a quorum has reached. */
  get quorumIndex(): number {
    return this.#quorumIndex
  }

  #count(): number {
    const authors = this.#highest.map((_, author: AuthorityIndex) => author)
    authors.sort((a, b) => (this.#highest[b] ?? 0) - (this.#highest[a] ?? 0))
    let stake = 0
    for (const author of authors) {
      stake += this.#stakes[author] ?? 0
      if (stake >= this.#quorum) return this.#highest[author] ?? 0
    }
    return 0
  }
}
