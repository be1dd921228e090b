import { InvariantError } from '../core/errors.ts'
import type { AuthorityIndex, BlockRef, Round } from './types.ts'

/** One block in memory, linked to its ancestors. `Content` is whatever the owner of the DAG hangs on it. */
export class DagNode<Content = unknown> {
  readonly ref: BlockRef
  readonly round: Round
  readonly author: AuthorityIndex
  readonly content: Content
  /** Ancestors in the block's own order; those that were collected are absent. Emptied when this node is collected. */
  parents: readonly DagNode<Content>[]
  /** Whether some committed leader has ordered this block. */
  committed = false
  /** The leaders this block supports; owned by the committer. */
  votes: (DagNode | undefined)[] = []
  /** Stamp of the last walk that came by; see {@link Dag.nextStamp}. */
  stamp = 0

  constructor(ref: BlockRef, parents: readonly DagNode<Content>[], content: Content) {
    this.ref = ref
    this.round = ref.round
    this.author = ref.author
    this.parents = parents
    this.content = content
  }
}

/** The blocks of one round, in order of arrival, and the first of every author. */
export interface RoundNodes<Content> {
  readonly all: DagNode<Content>[]
  readonly first: (DagNode<Content> | undefined)[]
}

const none: readonly never[] = []

/**
 * The part of the DAG that is in memory: rounds above the collected ones. Blocks are added after their ancestors; a slot
 * may hold several.
 */
export class Dag<Content = unknown> {
  readonly #size: number
  readonly #rounds: RoundNodes<Content>[] = []
  readonly #highest: Round[]
  readonly #siblings: number[]
  #base: Round
  #blocks = 0
  #stamp = 0

  constructor(size: number, base: Round = 0) {
    this.#size = size
    this.#base = base
    this.#highest = new Array<Round>(size).fill(0)
    this.#siblings = new Array<number>(size).fill(0)
  }

  /** How many authorities there are. */
  get size(): number {
    return this.#size
  }

  /** How many blocks are in memory. */
  get blocks(): number {
    return this.#blocks
  }

  /** The lowest round in memory. */
  get lowestRound(): Round {
    return this.#base
  }

  /** The highest round with a block; below {@link lowestRound} when nothing is in memory. */
  get highestRound(): Round {
    return this.#base + this.#rounds.length - 1
  }

  /** The highest round in which a block of the author was ever added; 0 before the first. */
  highestRoundOf(author: AuthorityIndex): Round {
    return this.#highest[author] ?? 0
  }

  /** Adds a block. The caller has made sure that its ancestors are present or collected. */
  add(node: DagNode<Content>): void {
    if (node.round < this.#base) throw new InvariantError('A collected round takes no blocks.', { ref: node.ref })
    while (this.#rounds.length <= node.round - this.#base) {
      this.#rounds.push({ all: [], first: new Array<undefined>(this.#size).fill(undefined) })
    }
    const round = this.#rounds[node.round - this.#base] as RoundNodes<Content>
    round.all.push(node)
    if (round.first[node.author] === undefined) round.first[node.author] = node
    else this.#countSibling(node.author, 1)
    this.#blocks++
    if (node.round > this.highestRoundOf(node.author)) this.#highest[node.author] = node.round
  }

  /** The author's blocks in memory besides the first of each slot. */
  siblingsOf(author: AuthorityIndex): number {
    return this.#siblings[author] ?? 0
  }

  #countSibling(author: AuthorityIndex, sign: 1 | -1): void {
    this.#siblings[author] = this.siblingsOf(author) + sign
  }

  /** All blocks of a round in order of arrival. */
  blocksAt(round: Round): readonly DagNode<Content>[] {
    return this.#rounds[round - this.#base]?.all ?? none
  }

  /** The block of a slot that arrived first. */
  firstAt(round: Round, author: AuthorityIndex): DagNode<Content> | undefined {
    return this.#rounds[round - this.#base]?.first[author]
  }

  /** Every block of a slot, in order of arrival. */
  siblingsAt(round: Round, author: AuthorityIndex): readonly DagNode<Content>[] {
    return this.blocksAt(round).filter((node) => node.author === author)
  }

  find(ref: BlockRef): DagNode<Content> | undefined {
    const first = this.firstAt(ref.round, ref.author)
    if (first === undefined || first.ref.digest === ref.digest) return first
    return this.blocksAt(ref.round).find((node) => node.author === ref.author && node.ref.digest === ref.digest)
  }

  /** A number no node carries yet, for one walk. */
  nextStamp(): number {
    return ++this.#stamp
  }

  /** Lets go of all rounds at or below `round`. */
  collect(round: Round): void {
    const count = Math.min(round - this.#base + 1, this.#rounds.length)
    if (round < this.#base) return
    for (const { all, first } of this.#rounds.splice(0, count)) {
      this.#blocks -= all.length
      // A block kept in memory by a late child would otherwise keep its whole history.
      for (const node of all) {
        if (first[node.author] !== node) this.#countSibling(node.author, -1)
        node.parents = none
        node.votes = []
      }
    }
    this.#base = round + 1
  }
}
