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
  readonly maxSuspendedBytesPerAuthor?: number
  readonly maxSiblings: number
}

/** Slots of one author that may be full of siblings: it has one in every round, and each sibling may be a large block. */
const fullSlots = 16

const nothing: Reception = { accepted: [], missing: [] }

/** A peer may send a reference with an honest digest under a false round: the digest alone names nothing. */
const keyOf = ({ round, author, digest }: BlockRef): string => `${round} ${author} ${digest}`

/** The author in a key. */
const authorIn = (key: string): AuthorityIndex => Number(key.split(' ', 2)[1])

const byRound = (a: BlockRef, b: BlockRef): number => a.round - b.round

/** Of every share its lowest in turn, no reference twice. */
function dealt(shares: readonly BlockRef[][], limit: number): readonly BlockRef[] {
  const chosen = new Set<BlockRef>()
  for (const share of shares) share.sort(byRound)
  for (let at = 0; chosen.size < limit && shares.some(({ length }) => length > at); at++) {
    for (const ref of shares.flatMap((share) => share[at] ?? [])) if (chosen.size < limit) chosen.add(ref)
  }
  return [...chosen]
}

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
  readonly #suspendedBytes: number[]
  readonly #awaited = new Map<string, Awaited>()
  /** Ancestors at or below this round are not waited for; see {@link BlockManager.trust}. */
  #trusted: Round = Number.NEGATIVE_INFINITY

  constructor(dag: Dag<SignedBlock>, limits: BlockManagerLimits) {
    this.#dag = dag
    this.#limits = limits
    this.#suspended = Array.from({ length: dag.size }, () => new Map())
    this.#suspendedBytes = new Array<number>(dag.size).fill(0)
  }

  /** Rounds at or below this one are collected. */
  get #gcRound(): Round {
    return this.#dag.lowestRound - 1
  }

  /** Bytes of the blocks that wait. */
  get suspendedBytes(): number {
    return this.#suspendedBytes.reduce((sum, bytes) => sum + bytes, 0)
  }

  get suspendedBlocks(): number {
    return this.#suspended.reduce((sum, { size }) => sum + size, 0)
  }

  /**
   * Ancestors that have not come yet, at most `limit` of them, lowest round first. When there are more, every author
   * whose blocks wait gets the same share: what one invents does not hide what another needs.
   */
  missing(limit = Number.POSITIVE_INFINITY): readonly BlockRef[] {
    const open = [...this.#awaited].filter(([key, { ref }]) => !this.#suspendedOf(ref.author).has(key))
    const refs = open.map(([, { ref }]) => ref)
    if (refs.length <= limit) return refs.sort(byRound)
    const shares = new Map<AuthorityIndex, BlockRef[]>()
    for (const [, { ref, children }] of open) {
      for (const author of new Set([...children].map(authorIn))) {
        const share = shares.get(author) ?? []
        shares.set(author, share)
        share.push(ref)
      }
    }
    return dealt([...shares.values()], limit)
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
    const waits = this.isWaiting(ref)
    if (waits && missing.length > 0) return nothing
    if (!wanted && !waits && this.#hasTooManySiblings(ref)) return { ...nothing, refused: 'tooManySiblings' }
    if (missing.length > 0) return this.#suspend(block, missing)
    if (waits) this.#drop(ref)
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

  /** Counts those that wait too: else they would all be taken when what they wait for comes. */
  #hasTooManySiblings(ref: BlockRef): boolean {
    const waiting = this.#suspendedOf(ref.author)
    if (waiting.size === 0 && this.#dag.firstAt(ref.round, ref.author) === undefined) return false
    let siblings = this.#dag.siblingsAt(ref.round, ref.author).length
    for (const { block } of waiting.values()) if (block.ref.round === ref.round) siblings++
    const { maxSiblings } = this.#limits
    const crowded = siblings > 0 && this.#dag.siblingsOf(ref.author) >= fullSlots * maxSiblings
    return (crowded || siblings >= maxSiblings) && !this.#isAskedFor(ref, new Set())
  }

  /** Whether a block of another author waits for this one; that the author's own blocks do proves nothing. */
  #isAskedFor(ref: BlockRef, seen: Set<string>): boolean {
    for (const child of this.#awaited.get(keyOf(ref))?.children ?? []) {
      if (authorIn(child) !== ref.author) return true
      const waiting = this.#findSuspended(child)
      if (waiting === undefined || seen.has(child)) continue
      seen.add(child)
      if (this.#isAskedFor(waiting.block.ref, seen)) return true
    }
    return false
  }

  #suspend(block: SignedBlock, missing: readonly BlockRef[]): Reception {
    const key = keyOf(block.ref)
    if (!this.#makeRoom(block)) return { ...nothing, refused: 'tooManySuspended' }
    this.#suspendedOf(block.ref.author).set(key, { block, missing: new Set(missing.map(keyOf)) })
    this.#count(block, 1)
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

  /** Gives up the author's highest suspended blocks for a lower one: what is lower is released sooner. */
  #makeRoom({ ref, bytes }: SignedBlock): boolean {
    while (!this.#hasRoom(ref.author, bytes.length)) {
      const highest = this.#highestSuspended(ref.author)
      if (highest === undefined || highest.round <= ref.round) return false
      this.#drop(highest)
    }
    return true
  }

  #hasRoom(author: AuthorityIndex, bytes: number): boolean {
    const { size } = this.#suspendedOf(author)
    const { maxSuspendedPerAuthor, maxSuspendedBytesPerAuthor = Number.POSITIVE_INFINITY } = this.#limits
    if (size >= maxSuspendedPerAuthor) return false
    return size === 0 || (this.#suspendedBytes[author] ?? 0) + bytes <= maxSuspendedBytesPerAuthor
  }

  #highestSuspended(author: AuthorityIndex): BlockRef | undefined {
    let highest: BlockRef | undefined
    for (const { block } of this.#suspendedOf(author).values()) {
      if (highest === undefined || block.ref.round > highest.round) highest = block.ref
    }
    return highest
  }

  #count({ ref, bytes }: SignedBlock, sign: 1 | -1): void {
    this.#suspendedBytes[ref.author] = (this.#suspendedBytes[ref.author] ?? 0) + sign * bytes.length
  }

  /** Forgets a suspended block and what only it waited for. */
  #drop(ref: BlockRef): Suspended | undefined {
    const key = keyOf(ref)
    const dropped = this.#suspendedOf(ref.author).get(key)
    this.#suspendedOf(ref.author).delete(key)
    if (dropped !== undefined) this.#count(dropped.block, -1)
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
      this.#count(suspended.block, -1)
      free.push(suspended.block)
    }
    return free.sort((a, b) => b.ref.round - a.ref.round)
  }

  #findSuspended(key: string): Suspended | undefined {
    return this.#suspendedOf(authorIn(key)).get(key)
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
