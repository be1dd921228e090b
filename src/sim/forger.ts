import { type BlockFields, decodeSignedBlock, sealBlock } from '../consensus/block-codec.ts'
import type { Committee } from '../consensus/committee.ts'
import type { BlockRef, DagBlock, SignedBlock } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'

const signatureAt = 4
const signatureBytes = 64

/** Makes the blocks of an author who cheats, out of the blocks that its honest half made. */
export class Forger {
  readonly #committee: Committee
  readonly #sign: (signingRoot: Uint8Array) => Uint8Array
  readonly #random: Random

  /** `sign` signs with the cheating author's own key: nobody can forge another's. */
  constructor(committee: Committee, sign: (signingRoot: Uint8Array) => Uint8Array, random: Random) {
    this.#committee = committee
    this.#sign = sign
    this.#random = random
  }

  /** Another valid block for the same slot: other contents and, where a quorum of parents can spare one, other parents. */
  sibling(block: DagBlock): SignedBlock {
    const ancestors = this.#random.float() < 0.5 ? block.ancestors : this.#withoutOneParent(block)
    return this.#seal(block, ancestors, [this.#random.bytes(24)])
  }

  /** The block with some bits of its signature turned over. */
  badSignature(block: SignedBlock): SignedBlock {
    const bytes = Uint8Array.from(block.bytes)
    bytes[signatureAt + this.#random.int(signatureBytes)]! ^= 1 << this.#random.int(8)
    return decodeSignedBlock(bytes, this.#committee)
  }

  /** A correctly signed block whose ancestors break a rule, or name a block that nobody has ever seen. */
  badAncestors(block: DagBlock): SignedBlock {
    const [own, ...others] = block.ancestors
    const parent = others[this.#random.int(others.length)]
    if (own === undefined || parent === undefined) return this.#seal(block, [], [])
    const rest = others.filter((ancestor) => ancestor !== parent)
    const choices: (readonly BlockRef[])[] = [
      [own, { ...parent, digest: this.#random.bytes(32).toString('hex') }, ...rest],
      [{ ...own, digest: this.#random.bytes(32).toString('hex') }, ...others],
      [own, { ...parent, round: block.round }, ...rest],
      [own, { ...parent, round: block.round + 1000 }, ...rest],
      [own, { ...parent, author: this.#committee.size }, ...rest],
      [own, parent, parent, ...rest.slice(1)],
      [...others, own],
      [own],
      [],
    ]
    return this.#seal(block, choices[this.#random.int(choices.length)]!, [])
  }

  /** Bytes that are no message at all, or that start like one. */
  garbage(model: Uint8Array): Uint8Array {
    const kind = this.#random.int(3)
    if (kind === 0) return this.#random.bytes(this.#random.int(200))
    if (kind === 1) return Uint8Array.from(model.subarray(0, this.#random.int(model.length + 1)))
    const noise = this.#random.bytes(model.length)
    noise.set(model.subarray(0, this.#random.int(Math.min(16, model.length + 1))))
    return noise
  }

  /** A signed block that differs from `block` in what is named; it carries nothing of its load and its votes. */
  variant(block: DagBlock, changed: Partial<BlockFields>): SignedBlock {
    const { epoch, round, author, timestampMs, ancestors } = block
    const load = { transactions: [], commitVotes: [], transactionVotes: [] }
    const shifted = timestampMs + this.#random.int(3)
    const fields = { epoch, round, author, timestampMs: shifted, ancestors, ...load, ...changed }
    return sealBlock(this.#committee, fields, this.#sign)
  }

  /** A parent of another author without which the block still has a quorum of parents; undefined when chance finds none. */
  spareParent({ round, ancestors }: DagBlock): BlockRef | undefined {
    const [, ...others] = ancestors
    const spare = others[this.#random.int(others.length)]
    const stake = ancestors
      .filter((ancestor) => ancestor !== spare && ancestor.round === round - 1)
      .reduce((sum, { author }) => sum + this.#committee.stake(author), 0)
    return stake >= this.#committee.quorum ? spare : undefined
  }

  #withoutOneParent(block: DagBlock): readonly BlockRef[] {
    const spare = this.spareParent(block)
    return spare === undefined ? block.ancestors : block.ancestors.filter((ancestor) => ancestor !== spare)
  }

  #seal(block: DagBlock, ancestors: readonly BlockRef[], transactions: readonly Uint8Array[]): SignedBlock {
    return this.variant(block, { ancestors, transactions })
  }
}
