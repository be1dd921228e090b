import { InvariantError } from '../core/errors.ts'
import type { DagNode } from './dag.ts'
import type { Round, SignedBlock, TransactionVote } from './types.ts'

/** What we think of others' transactions, until an own block that descends from them says so. */
export class OwnTransactionVotes {
  readonly #judge: (block: SignedBlock) => readonly number[]
  readonly #rejects = new Map<DagNode<SignedBlock>, readonly number[]>()
  #linked = new WeakSet<DagNode>()

  constructor(judge: (block: SignedBlock) => readonly number[]) {
    this.#judge = judge
  }

  /** Judges a block once, when it is accepted. */
  add(node: DagNode<SignedBlock>): void {
    const { length } = node.content.block.transactions
    if (length === 0) return
    const rejects = this.#judge(node.content)
    if (rejects.length === 0) return
    const sound = rejects.every((position, at) => position < length && position > (rejects[at - 1] ?? -1))
    if (!sound) throw new InvariantError('Rejected positions do not ascend.', { ref: node.ref, rejects, length })
    this.#rejects.set(node, rejects)
  }

  /** The votes on all that a new own block with these parents links for the first time. */
  take(parents: readonly DagNode<SignedBlock>[]): readonly TransactionVote[] {
    const votes: TransactionVote[] = []
    const open = [...parents]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#linked.has(node)) continue
      this.#linked.add(node)
      const rejects = this.#rejects.get(node)
      if (rejects !== undefined) votes.push({ block: node.ref, rejects })
      open.push(...node.parents)
    }
    return votes
  }

  collect(gcRound: Round): void {
    for (const node of this.#rejects.keys()) if (node.round <= gcRound) this.#rejects.delete(node)
  }
}
