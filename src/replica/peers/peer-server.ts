import type { Round, SignedBlock } from '../../consensus/types.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { LinkHandlers, PeerLink } from '../seams.ts'
import { blockFrame, decodeMessage, MalformedMessage, type Message, replyFrame } from './messages.ts'
import type { QuestionShare } from './question-share.ts'

/** What a server needs. */
export interface PeerServerSeams {
  readonly clock: Clock
  /** What the peer may cost us. */
  readonly share: QuestionShare
  /** Own blocks above a round that are safe on the disk, lowest first. */
  readonly ownBlocksAfter: (round: Round) => readonly SignedBlock[]
  /** The frame of a block, made once for all peers that get it at the same time. */
  readonly frameOf: (block: SignedBlock, make: (block: SignedBlock) => Uint8Array) => Uint8Array
  /** The answer to a question, undefined to refuse. @throws MalformedMessage */
  readonly answer: (request: Message & { type: 'request' }) => Uint8Array | undefined
  readonly onSubscribed: () => void
  readonly onMalformed: () => void
  readonly onClosed: () => void
}

/**
 * Old blocks that a subscription brings at most, lowest first; then the newest. A peer that lacks more asks for what it
 * misses, and the answers must not wait behind hundreds of blocks that are still too high for it.
 */
const maxReplayed = 128

/**
 * A link that a peer dialled: streams our blocks to it and answers its questions, one at a time. A peer that reads
 * slowly is answered slowly: nothing is queued for it beyond the link's own queue and one answer. One that asks for more
 * than its share waits, too.
 */
export class PeerServer implements LinkHandlers {
  readonly #link: PeerLink
  readonly #seams: PeerServerSeams
  /** Highest own round sent; undefined until the peer subscribes. */
  #sent: Round | undefined
  /** Rounds between the old blocks of a subscription and the newest. */
  #passedOver: { readonly above: Round; readonly below: Round } | undefined
  #unsent: Uint8Array | undefined
  #resting: Timer | undefined

  constructor(link: PeerLink, seams: PeerServerSeams) {
    this.#link = link
    this.#seams = seams
  }

  get peer(): number {
    return this.#link.peer
  }

  get subscribed(): boolean {
    return this.#sent !== undefined
  }

  /** Sends what is new, as far as the link takes it. */
  pump(): void {
    if (this.#sent === undefined || this.#unsent !== undefined) return
    for (const block of this.#seams.ownBlocksAfter(this.#sent)) {
      if (this.#isPassedOver(block.ref.round)) continue
      if (!this.#link.send(this.#seams.frameOf(block, ({ bytes }) => blockFrame(bytes)))) return
      this.#sent = block.ref.round
    }
  }

  /** Hangs up. */
  close(reason: string): void {
    this.#link.close(reason)
  }

  onFrame(frame: Uint8Array): void {
    const restMs = this.#seams.share.spend(() => this.#read(frame))
    if (restMs <= 0 || this.#resting !== undefined) return
    this.#link.pause()
    this.#resting = this.#seams.clock.after(restMs, () => {
      this.#resting = undefined
      this.#goOn()
    })
  }

  #read(frame: Uint8Array): void {
    try {
      const message = decodeMessage(frame)
      if (message.type === 'subscribe') this.#subscribe(message.after)
      else if (message.type === 'request') this.#reply(replyFrame(message.id, this.#seams.answer(message)))
      else throw new MalformedMessage(`${message.type} is not for the dialled side`)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#seams.onMalformed()
      this.#link.close(messageOf(error))
    }
  }

  onDrain(): void {
    const unsent = this.#unsent
    this.#unsent = undefined
    if (unsent !== undefined) this.#reply(unsent)
    if (this.#unsent !== undefined) return
    if (unsent !== undefined) this.#goOn()
    this.pump()
  }

  onClose(): void {
    this.#seams.clock.clear(this.#resting)
    this.#seams.onClosed()
  }

  #goOn(): void {
    if (this.#unsent === undefined && this.#resting === undefined) this.#link.resume()
  }

  #isPassedOver(round: Round): boolean {
    const gap = this.#passedOver
    return gap !== undefined && round > gap.above && round < gap.below
  }

  #subscribe(after: Round): void {
    const old = this.#seams.ownBlocksAfter(after)
    this.#passedOver =
      old.length > maxReplayed ? { above: old[maxReplayed - 1]!.ref.round, below: old.at(-1)!.ref.round } : undefined
    this.#sent = after
    this.#seams.onSubscribed()
    this.pump()
  }

  #reply(frame: Uint8Array): void {
    if (this.#link.send(frame)) return
    this.#unsent = frame
    this.#link.pause()
  }
}
