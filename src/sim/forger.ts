import { decodeSignedBlock, sealBlock } from '../consensus/block-codec.ts'
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

  #withoutOneParent({ round, ancestors }: DagBlock): readonly BlockRef[] {
    const [, ...others] = ancestors
    const spare = others[this.#random.int(others.length)]
    const left = ancestors.filter((ancestor) => ancestor !== spare)
    const stake = left
      .filter((ancestor) => ancestor.round === round - 1)
      .reduce((sum, { author }) => sum + this.#committee.stake(author), 0)
    return stake >= this.#committee.quorum ? left : ancestors
  }

  #seal(block: DagBlock, ancestors: readonly BlockRef[], transactions: readonly Uint8Array[]): SignedBlock {
    const { epoch, round, author, timestampMs } = block
    const fields = { epoch, round, author, timestampMs: timestampMs + this.#random.int(3), ancestors, transactions }
    return sealBlock(this.#committee, { ...fields, commitVotes: [], transactionVotes: [] }, this.#sign)
  }
}
