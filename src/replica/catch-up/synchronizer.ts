import type { AuthorityIndex, BlockRef, Round } from '../../consensus/types.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { ReplicaParameters } from '../parameters.ts'
import type { BlockAnswer } from '../peers/block-intake.ts'
import { decodeList, encodeFetchBlocks, MalformedMessage, maxExtraBlocks, method } from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'

/** What a synchronizer needs. */
export interface SynchronizerSeams {
  readonly clock: Clock
  readonly peers: PeerQuestions
  readonly parameters: ReplicaParameters
  /** Ancestors that are missing now, at most `limit`. */
  readonly missing: (limit: number) => readonly BlockRef[]
  readonly isMissing: (ref: BlockRef) => boolean
  readonly acceptedRounds: () => readonly Round[]
  /** Blocks that came, not checked yet. */
  readonly onBlocks: (answer: BlockAnswer) => void
  readonly onMalformed: (from: AuthorityIndex) => void
}

/** Peers asked at once by a regular look. */
const askedPeers = 3
/** Up to so many missing ancestors are asked for at several peers at once. */
const fewMissing = 16
/** Missing ancestors looked at; a validator that misses more is far behind, and commit sync helps it. */
const maxMissing = 2_000

/**
 * Fetches ancestors that blocks wait for. Most arrive by themselves a moment later, so a new gap is given a moment,
 * then asked for at the peer that showed it; what is still missing is asked for at random peers.
 */
export class Synchronizer {
  readonly #seams: SynchronizerSeams
  /** Digest → when it may be asked for again. */
  readonly #asked = new Map<string, number>()
  readonly #fresh = new Map<AuthorityIndex, BlockRef[]>()
  #soon: Timer | undefined
  #regular: Timer | undefined

  constructor(seams: SynchronizerSeams) {
    this.#seams = seams
  }

  /** Starts the regular looks. */
  start(): void {
    const { clock, parameters } = this.#seams
    this.#regular = clock.after(parameters.fetchIntervalMs, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#seams.clock.clear(this.#regular)
    this.#seams.clock.clear(this.#soon)
  }

  /** Blocks of `from` wait for these. */
  onMissing(from: AuthorityIndex, refs: readonly BlockRef[]): void {
    this.#fresh.set(from, [...(this.#fresh.get(from) ?? []), ...refs])
    this.#soon ??= this.#seams.clock.after(this.#seams.parameters.fetchDelayMs, () => {
      this.#soon = undefined
      this.#askFresh()
    })
  }

  #askFresh(): void {
    for (const [from, refs] of this.#fresh) {
      const still = refs.filter((ref) => this.#seams.isMissing(ref) && !this.#isAsked(ref.digest))
      const [peer] = this.#seams.peers.pick(1, from)
      if (still.length > 0 && peer !== undefined) this.#ask(peer, still)
    }
    this.#fresh.clear()
  }

  /**
   * Different peers get different parts, so that one that withholds only delays its part. Of a few all are asked: a whole
   * committee may be waiting for one block that only one of them was shown.
   */
  #look(): void {
    const now = this.#seams.clock.now()
    for (const [digest, until] of this.#asked) if (until <= now) this.#asked.delete(digest)
    const open = [...this.#seams.missing(maxMissing)].filter(({ digest }) => !this.#asked.has(digest))
    const { blocksPerFetch } = this.#seams.parameters
    const few = open.length <= Math.min(fewMissing, blocksPerFetch)
    for (const peer of this.#seams.peers.pick(askedPeers)) {
      const part = few ? open : open.splice(0, blocksPerFetch)
      if (part.length > 0) this.#ask(peer, part)
    }
  }

  #isAsked(digest: string): boolean {
    return (this.#asked.get(digest) ?? 0) > this.#seams.clock.now()
  }

  #ask(peer: AuthorityIndex, refs: readonly BlockRef[]): void {
    const { clock, peers, parameters, acceptedRounds } = this.#seams
    const part = refs.slice(0, parameters.blocksPerFetch)
    for (const { digest } of part) this.#asked.set(digest, clock.now() + parameters.fetchTimeoutMs)
    const body = encodeFetchBlocks({ refs: part, accepted: acceptedRounds() })
    peers.ask(peer, method.fetchBlocks, body, parameters.fetchTimeoutMs, (answer) => {
      // Whatever did not come may be asked for again, of somebody else.
      for (const { digest } of part) this.#asked.delete(digest)
      if (answer !== undefined) this.#take(peer, part, answer)
    })
  }

  #take(peer: AuthorityIndex, asked: readonly BlockRef[], answer: Uint8Array): void {
    try {
      const items = decodeList(answer, asked.length + maxExtraBlocks)
      if (items.length > 0) this.#seams.onBlocks({ from: peer, items, asked })
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#seams.onMalformed(peer)
    }
  }
}
