import { decodeSignedBlock, MalformedBlock } from '../../consensus/block-codec.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { ConsensusParameters } from '../../consensus/parameters.ts'
import type { AuthorityIndex, RefusalReason, Round, SignedBlock } from '../../consensus/types.ts'
import { verifyBlock } from '../../consensus/verify-block.ts'
import type { Verifier } from '../seams.ts'

/** Why the intake refuses a block: the protocol's reasons, and a stream that carries another author's block. */
export type IntakeRefusal = RefusalReason | 'foreignAuthor'

/** What an intake needs. */
export interface BlockIntakeSeams {
  readonly committee: Committee
  readonly parameters: ConsensusParameters
  readonly verifier: Verifier
  /** A block that is in the DAG need not be checked again. */
  readonly isKnown: (block: SignedBlock) => boolean
  readonly refused: (from: AuthorityIndex, reason: IntakeRefusal) => void
}

/** Turns bytes of peers into blocks that are believed: decoded, checked against the rules, signatures verified. */
export class BlockIntake {
  readonly #seams: BlockIntakeSeams
  readonly #latest: (SignedBlock | undefined)[]

  constructor(seams: BlockIntakeSeams) {
    this.#seams = seams
    this.#latest = Array.from({ length: seams.committee.size })
  }

  /** By author, the highest round of which a sound block came in this life of the process. */
  get receivedRounds(): readonly Round[] {
    return this.#latest.map((block) => block?.ref.round ?? 0)
  }

  /** The highest sound block of an author that came, accepted or still waiting for its ancestors. */
  latestOf(author: AuthorityIndex): SignedBlock | undefined {
    return this.#latest[author]
  }

  /** Notes a block that was in the log, or is our own. */
  note(block: SignedBlock): void {
    const known = this.#latest[block.ref.author]?.ref.round ?? 0
    // Genesis blocks are not signed: showing one as the latest would prove nothing.
    if (block.ref.round > known) this.#latest[block.ref.author] = block
  }

  /**
   * Checks blocks that a peer sent. `done` gets those that are sound and new, in order; the others are counted.
   *
   * @param stream they came in the peer's own stream, which carries no other author's blocks
   */
  take(
    from: AuthorityIndex,
    items: readonly Uint8Array[],
    stream: boolean,
    done: (blocks: readonly SignedBlock[]) => void,
  ): void {
    const { isKnown } = this.#seams
    const decoded = items.flatMap((bytes) => this.#decode(from, bytes) ?? [])
    const fresh = decoded.filter((block) => !isKnown(block) && !(stream && this.#isForeign(from, block)))
    this.#verify(from, fresh, (sound) => {
      for (const block of sound) this.note(block)
      done(sound)
    })
  }

  /** Checks blocks that only have to be genuine, known or not: votes for a commit. */
  check(from: AuthorityIndex, items: readonly Uint8Array[], done: (blocks: readonly SignedBlock[]) => void): void {
    const blocks = items.flatMap((bytes) => this.#decode(from, bytes) ?? [])
    this.#verify(from, blocks, done)
  }

  #verify(from: AuthorityIndex, blocks: readonly SignedBlock[], done: (blocks: readonly SignedBlock[]) => void): void {
    const { committee, parameters, refused, verifier } = this.#seams
    const lawful = blocks.filter((block) => {
      const reason = verifyBlock(committee, parameters, block)
      if (reason !== undefined) refused(from, reason)
      return reason === undefined
    })
    if (lawful.length === 0) {
      done([])
      return
    }
    verifier.verify(lawful, (valid) => {
      const sound = lawful.filter((_, at) => valid[at] === true)
      for (let bad = lawful.length - sound.length; bad > 0; bad--) refused(from, 'badSignature')
      done(sound)
    })
  }

  #isForeign(from: AuthorityIndex, { ref }: SignedBlock): boolean {
    if (ref.author === from) return false
    this.#seams.refused(from, 'foreignAuthor')
    return true
  }

  #decode(from: AuthorityIndex, bytes: Uint8Array): SignedBlock | undefined {
    try {
      return decodeSignedBlock(bytes, this.#seams.committee)
    } catch (error) {
      if (!(error instanceof MalformedBlock)) throw error
      this.#seams.refused(from, 'malformed')
      return undefined
    }
  }
}
