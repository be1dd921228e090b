import { decodeSignedBlock, MalformedBlock } from '../../consensus/block-codec.ts'
import type { BlockLimits } from '../../consensus/block-limits.ts'
import type { Committee } from '../../consensus/committee.ts'
import type { AuthorityIndex, Round, SignedBlock } from '../../consensus/types.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { ReplicaParameters } from '../parameters.ts'
import { decodeList, encodeAuthorities, MalformedMessage, method } from '../peers/messages.ts'
import type { PeerQuestions } from '../peers/peers.ts'
import type { Verifier } from '../seams.ts'

/** What the question needs. */
export interface OwnRoundSeams {
  readonly committee: Committee
  /** Lists of a block are not unpacked beyond these. */
  readonly limits: BlockLimits
  readonly own: AuthorityIndex
  readonly clock: Clock
  readonly peers: PeerQuestions
  readonly verifier: Verifier
  readonly parameters: ReplicaParameters
  readonly onMalformed: (from: AuthorityIndex) => void
  /** Our highest round that the committee knows, 0 if none. Called once. */
  readonly learned: (round: Round) => void
}

const firstRetryMs = 500
const longestRetryMs = 4_000

/**
 * The amnesia rule: a validator that has lost its disk, or part of it, asks the committee for its last block before it
 * makes another, because two of one round would be equivocation. Answers of a third of the stake are enough; the others
 * get a little more time. Only blocks that we signed count, so nobody can send us into the far future.
 */
export class OwnRoundQuestion {
  readonly #seams: OwnRoundSeams
  readonly #answered = new Set<AuthorityIndex>()
  readonly #asked = new Set<AuthorityIndex>()
  #highest: Round = 0
  #tries = 0
  #retry: Timer | undefined
  #grace: Timer | undefined
  #over = false

  constructor(seams: OwnRoundSeams) {
    this.#seams = seams
  }

  /** Asks every peer that has not answered; again and again until enough have. Alone there is nobody to ask. */
  start(): void {
    if (this.#over) return
    if (this.#seams.committee.size === 1) {
      this.#learn()
      return
    }
    this.askNow()
    const wait = Math.min(longestRetryMs, firstRetryMs * 1.5 ** this.#tries++)
    this.#retry = this.#seams.clock.after(wait, () => this.start())
  }

  /** Asks at once: a peer has just been reached. */
  askNow(): void {
    for (const peer of this.#seams.peers.connected) {
      if (!this.#answered.has(peer) && !this.#asked.has(peer)) this.#ask(peer)
    }
  }

  stop(): void {
    this.#over = true
    this.#seams.clock.clear(this.#retry)
    this.#seams.clock.clear(this.#grace)
  }

  #ask(peer: AuthorityIndex): void {
    const { peers, own, parameters } = this.#seams
    this.#asked.add(peer)
    peers.ask(peer, method.latestBlocks, encodeAuthorities([own]), parameters.ownRoundTimeoutMs, (answer) => {
      this.#asked.delete(peer)
      if (answer !== undefined && !this.#over) this.#take(peer, answer)
    })
  }

  #take(peer: AuthorityIndex, answer: Uint8Array): void {
    const block = this.#read(peer, answer)
    if (block === 'malformed') return
    if (block === undefined) {
      this.#count(peer, 0)
      return
    }
    this.#seams.verifier.verify([block], ([valid]) => {
      if (valid === true) this.#count(peer, block.ref.round)
      else this.#seams.onMalformed(peer)
    })
  }

  /** Our last block as the peer knows it; undefined when it knows none. */
  #read(peer: AuthorityIndex, answer: Uint8Array): SignedBlock | undefined | 'malformed' {
    try {
      const { committee, limits } = this.#seams
      const [bytes] = decodeList(answer, 1)
      const block = bytes === undefined ? undefined : decodeSignedBlock(bytes, committee, limits)
      if (block === undefined || block.ref.author === this.#seams.own) return block
    } catch (error) {
      if (!(error instanceof MalformedMessage || error instanceof MalformedBlock)) throw error
    }
    this.#seams.onMalformed(peer)
    return 'malformed'
  }

  #count(peer: AuthorityIndex, round: Round): void {
    if (this.#over) return
    const { committee, clock, parameters } = this.#seams
    this.#answered.add(peer)
    this.#highest = Math.max(this.#highest, round)
    const stake = [...this.#answered].reduce((sum, author) => sum + committee.stake(author), 0)
    if (this.#answered.size === committee.size - 1) this.#learn()
    else if (stake >= committee.validity) {
      this.#grace ??= clock.after(parameters.ownRoundGraceMs, () => this.#learn())
    }
  }

  #learn(): void {
    if (this.#over) return
    this.stop()
    this.#seams.learned(this.#highest)
  }
}
