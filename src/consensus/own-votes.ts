import { InvariantError } from '../core/errors.ts'
import type { BlockLimits } from './block-limits.ts'
import type { DagNode } from './dag.ts'
import type { BlockRef, Round, SignedBlock, TransactionVote } from './types.ts'

type Node = DagNode<SignedBlock>

/** What we think of others' transactions, until an own block that descends from them says so. */
export class OwnTransactionVotes {
  readonly #judge: (block: SignedBlock) => readonly number[]
  readonly #rejects = new Map<Node, readonly number[]>()
  #linked = new WeakSet<DagNode>()
  /** Linked and not voted on yet, oldest first: what did not fit into a block waits for the next. */
  #due: TransactionVote[] = []

  constructor(judge: (block: SignedBlock) => readonly number[]) {
    this.#judge = judge
  }

  /** Judges a block once, when it is accepted. */
  add(node: Node): void {
    const { length } = node.content.block.transactions
    if (length === 0) return
    const rejects = this.#judge(node.content)
    if (rejects.length === 0) return
    const sound = rejects.every((position, at) => position < length && position > (rejects[at - 1] ?? -1))
    if (!sound) throw new InvariantError('Rejected positions do not ascend.', { ref: node.ref, rejects, length })
    this.#rejects.set(node, rejects)
  }

  /** The votes on all that a new own block with these parents links for the first time, as far as they fit. */
  take(parents: readonly Node[], limits: BlockLimits): readonly TransactionVote[] {
    this.#link(parents)
    let rejects = 0
    let count = 0
    for (; count < Math.min(this.#due.length, limits.transactionVotes); count++) {
      rejects += this.#due[count]!.rejects.length
      if (rejects > limits.rejects) break
    }
    return this.#due.splice(0, count)
  }

  /** An own block is in the DAG, of this life or an earlier one: what it voted on is settled. */
  settle({ parents, content: { block } }: Node): void {
    this.#link(parents)
    if (this.#due.length === 0 || block.transactionVotes.length === 0) return
    const voted = new Set(block.transactionVotes.map(({ block: { digest } }) => digest))
    this.#due = this.#due.filter(({ block: { digest } }) => !voted.has(digest))
  }

  #link(parents: readonly Node[]): void {
    const open = [...parents]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#linked.has(node)) continue
      this.#linked.add(node)
      const rejects = this.#rejects.get(node)
      if (rejects !== undefined) this.#due.push({ block: node.ref, rejects })
      this.#rejects.delete(node)
      open.push(...node.parents)
    }
  }

  /** Nothing at or below `gcRound` is ordered any more. */
  collect(gcRound: Round): void {
    const isGone = ({ round }: BlockRef): boolean => round <= gcRound
    for (const node of this.#rejects.keys()) if (isGone(node.ref)) this.#rejects.delete(node)
    if (this.#due.some(({ block }) => isGone(block))) this.#due = this.#due.filter(({ block }) => !isGone(block))
  }
}
