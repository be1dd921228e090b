import type { DagNode } from './dag.ts'
import { compareRefs } from './linearizer.ts'
import { StakeSum } from './stake-sum.ts'
import type { BlockRef, OpenCommit, Round, SealedCommit, SignedBlock, TransactionVote } from './types.ts'

/** Rounds that later leaders climb above a commit before its rejections are final. */
export const rejectionDepth = 3

/** A commit that waits for votes on its transactions. */
interface Open {
  readonly sealed: SealedCommit
  readonly blocks: readonly SignedBlock[]
  readonly votes: { readonly author: number; readonly vote: TransactionVote }[]
}

/** A commit whose rejections are final. */
export interface ClosedCommit {
  readonly sealed: SealedCommit
  readonly blocks: readonly SignedBlock[]
  readonly rejected: readonly TransactionVote[]
}

/**
 * Collects votes on transactions from committed blocks only, so that every honest validator counts the same: a commit is
 * closed by the first later commit whose leader is {@link rejectionDepth} rounds above its own.
 */
export class Rejections {
  readonly #stakes: readonly number[]
  readonly #quorum: number
  #open: Open[] = []
  readonly #ofBlock = new Map<string, Open>()

  constructor(stakes: readonly number[], quorum: number) {
    this.#stakes = stakes
    this.#quorum = quorum
  }

  /**
   * Counts the votes in newly ordered blocks, then says which older commits a leader of `round` closes and what was
   * rejected in them. Call {@link open} for the new commit afterwards.
   */
  close(round: Round, ordered: readonly DagNode<SignedBlock>[]): readonly ClosedCommit[] {
    for (const { content } of ordered) this.#count(content)
    const count = this.#open.findIndex(({ sealed }) => sealed.commit.leader.round + rejectionDepth > round)
    return this.#open.splice(0, count === -1 ? this.#open.length : count).map((open) => this.#closeOne(open))
  }

  #count({ ref, block }: SignedBlock): void {
    for (const vote of block.transactionVotes) {
      const open = this.#ofBlock.get(vote.block.digest)
      open?.votes.push({ author: ref.author, vote })
    }
  }

  #closeOne({ sealed, blocks, votes }: Open): ClosedCommit {
    for (const { ref } of blocks) this.#ofBlock.delete(ref.digest)
    const rejected: TransactionVote[] = []
    for (const { ref, block } of blocks) {
      const rejects = this.#rejectsOf(ref, block.transactions.length, votes)
      if (rejects.length > 0) rejected.push({ block: ref, rejects })
    }
    return { sealed, blocks, rejected }
  }

  #rejectsOf(ref: BlockRef, count: number, votes: Open['votes']): readonly number[] {
    const sums = new Map<number, StakeSum>()
    for (const { author, vote } of votes) {
      if (compareRefs(vote.block, ref) !== 0) continue
      for (const position of vote.rejects) {
        const sum = sums.get(position) ?? new StakeSum(this.#stakes)
        sums.set(position, sum)
        sum.add(author)
      }
    }
    const rejected = [...sums].filter(([position, { total }]) => position < count && total >= this.#quorum)
    return rejected.map(([position]) => position).sort((a, b) => a - b)
  }

  /** Opens a new commit; `ordered` may already hold votes on one another. */
  open(sealed: SealedCommit, blocks: readonly SignedBlock[]): void {
    const open: Open = { sealed, blocks, votes: [] }
    this.#open.push(open)
    for (const { ref } of blocks) this.#ofBlock.set(ref.digest, open)
    for (const { ref, block } of blocks) {
      for (const vote of block.transactionVotes) {
        if (this.#ofBlock.get(vote.block.digest) === open) open.votes.push({ author: ref.author, vote })
      }
    }
  }

  /** What a checkpoint has to keep. */
  get state(): readonly OpenCommit[] {
    return this.#open.map(({ sealed, votes }) => ({ sealed, votes: [...votes] }))
  }

  /** Takes up what a checkpoint kept; `blockOf` finds the blocks of the open commits. */
  restore(state: readonly OpenCommit[], blockOf: (ref: BlockRef) => SignedBlock): void {
    this.#open = state.map(({ sealed, votes }) => {
      const open = { sealed, blocks: sealed.commit.blocks.map(blockOf), votes: [...votes] }
      for (const { ref } of open.blocks) this.#ofBlock.set(ref.digest, open)
      return open
    })
  }

  /** Round of the oldest block that an open commit orders; undefined when none is open. */
  get lowestRound(): Round | undefined {
    const rounds = this.#open.flatMap(({ blocks }) => blocks[0]?.ref.round ?? [])
    return rounds.length === 0 ? undefined : Math.min(...rounds)
  }
}
