import { type Dag, DagNode } from './dag.ts'
import type { AuthorityIndex, BlockRef, RefusalReason, Round, SignedBlock } from './types.ts'
import { sameBlock } from './verify-commits.ts'

/** A block that waits for ancestors. */
interface Suspended {
  readonly block: SignedBlock
  readonly missing: Set<string>
}

/** An ancestor that somebody waits for, whether it has not come yet or is itself suspended. */
interface Awaited {
  readonly ref: BlockRef
  readonly children: Set<string>
}

/** What became of one received block. */
export interface Reception {
  /** Blocks that are in the DAG now, in causal order. */
  readonly accepted: readonly DagNode<SignedBlock>[]
  /** Ancestors that nobody has asked for before. */
  readonly missing: readonly BlockRef[]
  readonly refused?: RefusalReason
}

export interface BlockManagerLimits {
  readonly maxSuspendedPerAuthor: number
  readonly maxSiblings: number
}

const nothing: Reception = { accepted: [], missing: [] }

/** A peer may send a reference with an honest digest under a false round: the digest alone names nothing. */
const keyOf = ({ round, author, digest }: BlockRef): string => `${round} ${author} ${digest}`

/** Every block repeats the digests of its ancestors: lets all of them share the ancestors' own references. */
function shareRefs({ block }: SignedBlock, parents: readonly DagNode[]): void {
  const refs = block.ancestors as BlockRef[]
  let at = 0
  for (const { ref } of parents) {
    while (!sameBlock(refs[at] as BlockRef, ref)) at++
    refs[at++] = ref
  }
}

/**
 * Puts blocks into the DAG once all their ancestors above the collected rounds are there, and keeps the others waiting.
 */
export class BlockManager {
  readonly #dag: Dag<SignedBlock>
  readonly #limits: BlockManagerLimits
  readonly #suspended: Map<string, Suspended>[]
  readonly #awaited = new Map<string, Awaited>()
  /** Ancestors at or below this round are not waited for; see {@link BlockManager.trust}. */
  #trusted: Round = Number.NEGATIVE_INFINITY

  constructor(dag: Dag<SignedBlock>, limits: BlockManagerLimits) {
    this.#dag = dag
    this.#limits = limits
    this.#suspended = Array.from({ length: dag.size }, () => new Map())
  }

  /** Rounds at or below this one are collected. */
  get #gcRound(): Round {
    return this.#dag.lowestRound - 1
  }

  get suspendedBlocks(): number {
    return this.#suspended.reduce((sum, { size }) => sum + size, 0)
  }

  /** Ancestors that have not come yet, at most `limit` of them, in the order in which they were first missed. */
  missing(limit = Number.POSITIVE_INFINITY): readonly BlockRef[] {
    const refs: BlockRef[] = []
    for (const [key, { ref }] of this.#awaited) {
      if (refs.length >= limit) break
      if (!this.#suspendedOf(ref.author).has(key)) refs.push(ref)
    }
    return refs
  }

  /** Whether somebody waits for this block and it has not come. */
  isMissing(ref: BlockRef): boolean {
    const key = keyOf(ref)
    return this.#awaited.has(key) && !this.#suspendedOf(ref.author).has(key)
  }

  /** Whether this block has come and waits for others. */
  isWaiting(ref: BlockRef): boolean {
    return this.#suspendedOf(ref.author).has(keyOf(ref))
  }

  #suspendedOf(author: AuthorityIndex): Map<string, Suspended> {
    return this.#suspended[author] ?? new Map()
  }

  /**
   * Takes a verified block.
   *
   * @param wanted take it however many siblings it has, because a commit orders it
   * @param trusted ancestors at or below this round need not be there: the block was accepted in an earlier life
   */
  receive(block: SignedBlock, wanted = false, trusted: Round = this.#trusted): Reception {
    const { ref } = block
    if (ref.round <= this.#gcRound || this.#dag.find(ref) !== undefined) return nothing
    const { parents, missing } = this.#resolve(block, trusted)
    if (missing.length > 0) return this.#suspend(block, missing)
    if (!wanted && this.#hasTooManySiblings(ref)) return { ...nothing, refused: 'tooManySiblings' }
    return { accepted: this.#accept(block, parents), missing: [] }
  }

  #resolve(
    { block }: SignedBlock,
    trusted = this.#trusted,
  ): { parents: DagNode<SignedBlock>[]; missing: readonly BlockRef[] } {
    const parents: DagNode<SignedBlock>[] = []
    const missing: BlockRef[] = []
    for (const ancestor of block.ancestors) {
      if (ancestor.round <= this.#gcRound) continue
      const parent = this.#dag.find(ancestor)
      if (parent !== undefined) parents.push(parent)
      else if (ancestor.round > trusted) missing.push(ancestor)
    }
    return { parents, missing }
  }

  #hasTooManySiblings(ref: BlockRef): boolean {
    if (this.#dag.firstAt(ref.round, ref.author) === undefined || this.#awaited.has(keyOf(ref))) return false
    return this.#dag.siblingsAt(ref.round, ref.author).length >= this.#limits.maxSiblings
  }

  #suspend(block: SignedBlock, missing: readonly BlockRef[]): Reception {
    const key = keyOf(block.ref)
    const suspended = this.#suspendedOf(block.ref.author)
    if (suspended.has(key)) return nothing
    if (suspended.size >= this.#limits.maxSuspendedPerAuthor && !this.#makeRoom(block.ref)) {
      return { ...nothing, refused: 'tooManySuspended' }
    }
    suspended.set(key, { block, missing: new Set(missing.map(keyOf)) })
    return { accepted: [], missing: missing.filter((ref) => this.#await(ref, key)) }
  }

  /** Notes that `child` waits; true when the ancestor is missed for the first time. */
  #await(ref: BlockRef, child: string): boolean {
    const key = keyOf(ref)
    const awaited = this.#awaited.get(key)
    if (awaited !== undefined) {
      awaited.children.add(child)
      return false
    }
    this.#awaited.set(key, { ref, children: new Set([child]) })
    return true
  }

  /** Gives up the author's highest suspended block for a lower one: what is lower is released sooner. */
  #makeRoom({ round, author }: BlockRef): boolean {
    const suspended = this.#suspendedOf(author)
    let highest: BlockRef | undefined
    for (const { block } of suspended.values())
      if (highest === undefined || block.ref.round > highest.round) highest = block.ref
    if (highest === undefined || highest.round <= round) return false
    this.#drop(highest)
    return true
  }

  /** Forgets a suspended block and what only it waited for. */
  #drop(ref: BlockRef): Suspended | undefined {
    const key = keyOf(ref)
    const dropped = this.#suspendedOf(ref.author).get(key)
    this.#suspendedOf(ref.author).delete(key)
    for (const ancestor of dropped?.missing ?? []) {
      const awaited = this.#awaited.get(ancestor)
      awaited?.children.delete(key)
      if (awaited?.children.size === 0) this.#awaited.delete(ancestor)
    }
    return dropped
  }

  #accept(block: SignedBlock, parents: DagNode<SignedBlock>[]): DagNode<SignedBlock>[] {
    const accepted = [this.#add(block, parents)]
    const open = this.#release(keyOf(block.ref))
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      accepted.push(this.#add(next, this.#resolve(next).parents))
      open.push(...this.#release(keyOf(next.ref)))
    }
    return accepted
  }

  #add(block: SignedBlock, parents: DagNode<SignedBlock>[]): DagNode<SignedBlock> {
    shareRefs(block, parents)
    const node = new DagNode(block.ref, parents, block)
    this.#dag.add(node)
    return node
  }

  /** The children that waited for nothing else, lowest last, so that a stack takes them first. */
  #release(key: string): SignedBlock[] {
    if (this.#awaited.size === 0) return []
    const children = this.#awaited.get(key)?.children
    if (children === undefined) return []
    this.#awaited.delete(key)
    const free: SignedBlock[] = []
    for (const child of children) {
      const suspended = this.#findSuspended(child)
      if (suspended === undefined) continue
      suspended.missing.delete(key)
      if (suspended.missing.size > 0) continue
      this.#suspendedOf(suspended.block.ref.author).delete(child)
      free.push(suspended.block)
    }
    return free.sort((a, b) => b.ref.round - a.ref.round)
  }

  #findSuspended(key: string): Suspended | undefined {
    return this.#suspendedOf(Number(key.split(' ', 2)[1])).get(key)
  }

  /** Call after the DAG let go of rounds: drops what waits in them and accepts what waited for them. */
  collect(): readonly DagNode<SignedBlock>[] {
    const gcRound = this.#gcRound
    for (const suspended of this.#suspended) {
      for (const { block } of suspended.values()) if (block.ref.round <= gcRound) this.#drop(block.ref)
    }
    return this.#releaseUpTo(gcRound)
  }

  /** Waits for no ancestor at or below `round` any more; gives what waited only for such. */
  trust(round: Round): readonly DagNode<SignedBlock>[] {
    this.#trusted = Math.max(this.#trusted, round)
    return this.#releaseUpTo(this.#trusted)
  }

  #releaseUpTo(round: Round): readonly DagNode<SignedBlock>[] {
    const accepted: DagNode<SignedBlock>[] = []
    for (const [key, { ref }] of this.#awaited) {
      if (ref.round > round) continue
      for (const free of this.#release(key)) accepted.push(...this.#accept(free, this.#resolve(free).parents))
    }
    return accepted
  }
}
