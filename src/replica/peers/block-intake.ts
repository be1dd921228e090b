import { decodeSignedBlock, MalformedBlock } from '../../consensus/block-codec.ts'
import { type BlockLimits, blockLimits } from '../../consensus/block-limits.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { ConsensusParameters } from '../../consensus/parameters.ts'
import type { AuthorityIndex, BlockRef, RefusalReason, Round, SignedBlock } from '../../consensus/types.ts'
import { verifyBlock } from '../../consensus/verify-block.ts'
import type { Clock } from '../../core/clock.ts'
import { maxBlockBytes } from '../block-limits.ts'
import { ownMemory } from '../own-memory.ts'
import type { Verifier } from '../seams.ts'
import { inSlices } from '../slices.ts'

/** Why the intake blames a peer: the protocol's reasons, and a stream with another author's block or two of one round. */
export type IntakeRefusal = RefusalReason | 'foreignAuthor' | 'equivocation'

/** What an intake needs. */
export interface BlockIntakeSeams {
  readonly committee: Committee
  readonly parameters: ConsensusParameters
  readonly clock: Clock
  readonly verifier: Verifier
  /** A block that is in the DAG need not be checked again. */
  readonly isKnown: (block: SignedBlock) => boolean
  /** The peer sent what no honest one sends: whatever else it sent with it is not looked at. */
  readonly refused: (from: AuthorityIndex, reason: IntakeRefusal) => void
}

/** Blocks that came in answer to a question. */
export interface BlockAnswer {
  readonly from: AuthorityIndex
  readonly items: readonly Uint8Array[]
  /** What was asked for. Its ancestors may come along, and theirs. */
  readonly asked: readonly BlockRef[]
}

/** An answer on its way through the intake. */
interface Reading {
  readonly answer: BlockAnswer
  readonly wanted: Set<string>
  next: number
  over: boolean
}

type Sound = (blocks: readonly SignedBlock[]) => void

/** An answer is read in pieces of this size; between two of them the thread is free. */
const sliceItems = 32
const sliceBytes = 1024 * 1024
/** Rounds of one stream in which a second block is noticed. */
const streamedKept = 256

/**
 * Turns bytes of peers into blocks that are believed: decoded, checked against the rules, signatures verified. The first
 * wrong one ends what came with it, so a liar's bytes cost no more than one mistake.
 */
export class BlockIntake {
  readonly #seams: BlockIntakeSeams
  readonly #latest: (SignedBlock | undefined)[]
  /** By author, the digests that its stream brought lately, by round. */
  readonly #streamed: readonly Map<Round, string>[]
  readonly #maxBytes: number
  readonly #limits: BlockLimits
  #decoded = 0
  #checked = 0

  constructor(seams: BlockIntakeSeams) {
    this.#seams = seams
    this.#latest = Array.from({ length: seams.committee.size })
    this.#streamed = Array.from({ length: seams.committee.size }, () => new Map())
    this.#limits = blockLimits(seams.committee, seams.parameters)
    this.#maxBytes = maxBlockBytes(seams.committee, seams.parameters)
  }

  /** Blocks taken apart and signatures checked since the start. */
  get work(): { readonly decoded: number; readonly checked: number } {
    return { decoded: this.#decoded, checked: this.#checked }
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
   * Checks a block of a peer's own stream, which carries no other author's. `done` gets it if it is sound and new. So it
   * does the second of one round, which proves that its author cheats, but the stream ends with it.
   */
  takeStreamed(from: AuthorityIndex, bytes: Uint8Array, done: Sound): void {
    const block = this.#read(from, bytes)
    if (block !== undefined && block.ref.author !== from) this.#seams.refused(from, 'foreignAuthor')
    if (block?.ref.author === from && this.#isSecond(block.ref)) this.#seams.refused(from, 'equivocation')
    const good = block !== undefined && block.ref.author === from && !this.#seams.isKnown(block)
    this.#verify(from, good ? [block] : [], (sound) => this.#noted(sound, done))
  }

  #isSecond({ author, round, digest }: BlockRef): boolean {
    const streamed = this.#streamed[author]!
    const first = streamed.get(round)
    if (first !== undefined) return first !== digest
    if (streamed.size >= streamedKept) streamed.delete(streamed.keys().next().value!)
    streamed.set(round, digest)
    return false
  }

  /** Checks an answer, piece by piece. `done` gets what is sound, new and asked for, once for each piece. */
  takeAnswer(answer: BlockAnswer, done: Sound): void {
    this.#readOn({ answer, wanted: new Set(answer.asked.map(({ digest }) => digest)), next: 0, over: false }, done)
  }

  /** Checks blocks that only have to be genuine, known or not: votes for a commit. */
  check(from: AuthorityIndex, items: readonly Uint8Array[], done: Sound): void {
    const blocks: SignedBlock[] = []
    const take = (bytes: Uint8Array): boolean => {
      const block = this.#read(from, ownMemory(bytes))
      if (block !== undefined) blocks.push(block)
      return block !== undefined
    }
    inSlices(this.#seams.clock, items, take, () => this.#verify(from, blocks, done))
  }

  #readOn(reading: Reading, done: Sound): void {
    const { answer } = reading
    this.#verify(answer.from, this.#nextSlice(reading), (sound, all) => {
      if (!all) reading.over = true
      this.#noted(sound, done)
    })
    if (reading.over || reading.next >= answer.items.length) return
    this.#seams.clock.after(0, () => !reading.over && this.#readOn(reading, done))
  }

  /** Reads on in an answer: a number of items, or of bytes. */
  #nextSlice(reading: Reading): readonly SignedBlock[] {
    const { answer, wanted } = reading
    const fresh: SignedBlock[] = []
    const end = Math.min(answer.items.length, reading.next + sliceItems)
    for (let bytes = 0; reading.next < end && bytes < sliceBytes && !reading.over; reading.next++) {
      const item = answer.items[reading.next]!
      bytes += item.length
      const block = this.#read(answer.from, ownMemory(item))
      reading.over = block === undefined
      if (block === undefined || !wanted.has(block.ref.digest)) continue
      for (const { digest } of block.block.ancestors) wanted.add(digest)
      if (!this.#seams.isKnown(block)) fresh.push(block)
    }
    return fresh
  }

  #noted(sound: readonly SignedBlock[], done: Sound): void {
    for (const block of sound) this.note(block)
    done(sound)
  }

  /** `done` gets the blocks before the first with a bad signature, and whether these are all. */
  #verify(
    from: AuthorityIndex,
    blocks: readonly SignedBlock[],
    done: (sound: readonly SignedBlock[], all: boolean) => void,
  ): void {
    if (blocks.length === 0) {
      done(blocks, true)
      return
    }
    this.#checked += blocks.length
    this.#seams.verifier.verify(blocks, (valid) => {
      const bad = valid.indexOf(false)
      if (bad !== -1) this.#seams.refused(from, 'badSignature')
      done(bad === -1 ? blocks : blocks.slice(0, bad), bad === -1)
    })
  }

  /** A block that keeps all rules that need no other block; undefined, and refused, when it does not. */
  #read(from: AuthorityIndex, bytes: Uint8Array): SignedBlock | undefined {
    const { committee, parameters, refused } = this.#seams
    this.#decoded++
    const block = bytes.length > this.#maxBytes ? undefined : decodedOrNothing(bytes, committee, this.#limits)
    const reason = block === undefined ? 'malformed' : verifyBlock(committee, parameters, block)
    if (reason === undefined) return block
    refused(from, reason)
    return undefined
  }
}

function decodedOrNothing(bytes: Uint8Array, committee: Committee, limits: BlockLimits): SignedBlock | undefined {
  try {
    return decodeSignedBlock(bytes, committee, limits)
  } catch (error) {
    if (!(error instanceof MalformedBlock)) throw error
    return undefined
  }
}
