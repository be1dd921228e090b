import { InvariantError } from '../core/errors.ts'
import type { DagNode } from './dag.ts'
import { StakeSum } from './stake-sum.ts'
import type { Slot } from './types.ts'

/** Stake that decides; all in units of stake. */
export interface Thresholds {
  readonly directCommitQuorum: number
  readonly directSkipQuorum: number
  readonly certificateQuorum: number
  /** Stake of certificates that an anchor must reach to commit an older leader. */
  readonly anchorLink: number
}

/** A leader's fate; `block` is there when it is committed. */
export interface Verdict {
  readonly direct: boolean
  readonly block: DagNode | undefined
}

/** A block of a leader slot that somebody votes for. */
interface Candidate {
  readonly block: DagNode
  readonly certifiers: StakeSum
  readonly certificates: DagNode[]
}

/** All that is known about one leader slot, kept up to date block by block. */
export class LeaderTracker {
  readonly slot: Slot
  /** Where a block one round above keeps its vote for this slot in {@link DagNode.votes}. */
  readonly #place: number
  readonly #perRound: number
  readonly #stakes: readonly number[]
  readonly #thresholds: Thresholds
  readonly #blames: StakeSum
  readonly #voters: StakeSum
  readonly #candidates: Candidate[] = []
  #direct: Verdict | undefined
  #indirect: Verdict | undefined

  /**
   * @param offset which of the round's leaders it is
   * @param perRound how many there are
   */
  constructor(slot: Slot, offset: number, perRound: number, stakes: readonly number[], thresholds: Thresholds) {
    this.slot = slot
    this.#place = offset
    this.#perRound = perRound
    this.#stakes = stakes
    this.#thresholds = thresholds
    this.#blames = new StakeSum(stakes)
    this.#voters = new StakeSum(stakes)
  }

  get verdict(): Verdict | undefined {
    return this.#direct ?? this.#indirect
  }

  /** Whether the leader is decided by its own wave. */
  get isDirect(): boolean {
    return this.#direct !== undefined
  }

  /** Notes which block of the slot a block above it supports, if any: the first hit of a walk in order of parents. */
  vote(voter: DagNode): DagNode | undefined {
    const vote = this.#firstSupported(voter.parents)
    if (vote === undefined) return undefined
    voter.votes[this.#placeOf(voter)] = vote
    if (!this.#candidates.some(({ block }) => block === vote)) this.#addCandidate(vote)
    return vote
  }

  #firstSupported(parents: readonly DagNode[]): DagNode | undefined {
    const { round, author } = this.slot
    for (const parent of parents) {
      if (parent.round === round && parent.author === author) return parent
      if (parent.round <= round) continue
      const vote = parent.votes[this.#placeOf(parent)]
      if (vote !== undefined) return vote
    }
    return undefined
  }

  #placeOf(voter: DagNode): number {
    return (voter.round - 1 - this.slot.round) * this.#perRound + this.#place
  }

  #addCandidate(block: DagNode): void {
    this.#candidates.push({ block, certifiers: new StakeSum(this.#stakes), certificates: [] })
  }

  /** A block of the voting round supports nothing in the slot. */
  blame(voter: DagNode): void {
    if (this.#blames.add(voter.author) >= this.#thresholds.directSkipQuorum) {
      this.#direct ??= { direct: true, block: undefined }
    }
  }

  /** A block of the decision round arrived: counts it for what its parents certify. */
  certify(decider: DagNode): void {
    for (const candidate of this.#candidates) {
      if (!this.#isCertificate(decider, candidate.block)) continue
      candidate.certificates.push(decider)
      if (candidate.certifiers.add(decider.author) >= this.#thresholds.directCommitQuorum) this.#commit(candidate.block)
    }
  }

  #isCertificate(decider: DagNode, block: DagNode): boolean {
    const voters = this.#voters
    voters.clear()
    for (const parent of decider.parents) {
      if (parent.round > this.slot.round && parent.votes[this.#placeOf(parent)] === block) voters.add(parent.author)
    }
    return voters.total >= this.#thresholds.certificateQuorum
  }

  #commit(block: DagNode): void {
    const before = this.#direct?.block
    if (before !== undefined && before !== block) throw this.#twoCommitted(before, block)
    this.#direct ??= { direct: true, block }
  }

  /** Decides by a later committed leader; `reach` marks what it reaches in the decision round. */
  decideByAnchor(reach: () => (certificate: DagNode) => boolean): Verdict {
    if (this.#indirect === undefined) this.#indirect = { direct: false, block: this.#linked(reach) }
    return this.#indirect
  }

  /** Lets go of a verdict by an anchor, which may lead no more. */
  forgetAnchor(): void {
    this.#indirect = undefined
  }

  #linked(reach: () => (certificate: DagNode) => boolean): DagNode | undefined {
    const certified = this.#candidates.filter(({ certificates }) => certificates.length > 0)
    if (certified.length === 0) return undefined
    const reached = reach()
    const linked = certified.filter(
      ({ certificates }) => this.#stakeOf(certificates.filter(reached)) >= this.#anchorLink,
    )
    if (linked.length > 1) throw this.#twoCommitted(linked[0]!.block, linked[1]!.block)
    return linked[0]?.block
  }

  get #anchorLink(): number {
    return Math.max(1, this.#thresholds.anchorLink)
  }

  #stakeOf(nodes: readonly DagNode[]): number {
    const sum = new StakeSum(this.#stakes)
    for (const node of nodes) sum.add(node.author)
    return sum.total
  }

  #twoCommitted(first: DagNode, second: DagNode): InvariantError {
    return new InvariantError('Two blocks of one leader slot are committed: a third of the stake cheats.', {
      first: first.ref,
      second: second.ref,
    })
  }
}
