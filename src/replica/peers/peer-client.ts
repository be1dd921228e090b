import type { AuthorityIndex, Round } from '../../consensus/types.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { StreamLimits } from '../block-limits.ts'
import type { ReplicaParameters } from '../parameters.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../seams.ts'
import { TokenBucket } from '../token-bucket.ts'
import { decodeMessage, MalformedMessage, type Method, requestFrame, subscribeFrame } from './messages.ts'

/** Takes an answer; undefined: refused, too late, or the link is gone. */
export type Answer = (body: Uint8Array | undefined) => void

/** What a client needs. */
export interface PeerClientSeams {
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly parameters: ReplicaParameters
  readonly streamLimits: StreamLimits
  /** For how long the peer is left alone because of what it sent. */
  readonly penaltyMs: (peer: AuthorityIndex) => number
  /** From where the peer's blocks are wanted; asked at every new link. */
  readonly subscribeAfter: (peer: AuthorityIndex) => Round
  /** A block of the peer's stream. `done` when it has been checked. */
  readonly onBlock: (peer: AuthorityIndex, bytes: Uint8Array, done: () => void) => void
  /** The link opened or closed. */
  readonly onChange: (peer: AuthorityIndex, connected: boolean) => void
  readonly onMalformed: (peer: AuthorityIndex) => void
}

interface Pending {
  readonly answer: Answer
  readonly timeout: Timer
}

/** Blocks of a stream that may wait for their check; then the link rests. */
const maxUnchecked = 64
/** Questions no longer open whose answers may still come: late, or twice because the network sent it twice. */
const maxLate = 256
/** A link that lived this long ends a row of failures. */
const healthyMs = 2_000

/** The dialled link to one peer: kept up for ever, with waits that grow; its stream of blocks; questions to the peer. */
export class PeerClient {
  readonly peer: AuthorityIndex
  readonly #seams: PeerClientSeams
  readonly #pending = new Map<number, Pending>()
  #link: PeerLink | undefined
  #openedAt = 0
  #failures = 0
  /** Questions that are no longer open and may be answered once more. Whatever else it answers, nobody has asked. */
  readonly #late = new Set<number>()
  readonly #blocks: TokenBucket
  readonly #bytes: TokenBucket
  #nextId = 1
  #unchecked = 0
  #paused = false
  /** The peer has sent more than its share, and waits. */
  #resting: Timer | undefined
  #redial: Timer | undefined
  #stopped = false

  constructor(peer: AuthorityIndex, seams: PeerClientSeams) {
    this.peer = peer
    this.#seams = seams
    this.#blocks = new TokenBucket(seams.clock, seams.streamLimits.blocks)
    this.#bytes = new TokenBucket(seams.clock, seams.streamLimits.bytes)
  }

  get connected(): boolean {
    return this.#link !== undefined
  }

  /** Questions under way. */
  get asking(): number {
    return this.#pending.size
  }

  /** Starts to dial. */
  start(): void {
    this.#seams.network.connect(
      this.peer,
      (link) => this.#opened(link),
      (reason) => this.#again(reason),
    )
  }

  /** Asks the peer. `answer` is called exactly once, never from inside this call. */
  ask(asked: Method, body: Uint8Array, timeoutMs: number, answer: Answer): void {
    const { clock } = this.#seams
    const id = this.#nextId++
    if (this.#link?.send(requestFrame(id, asked, body)) !== true) {
      clock.after(0, () => answer(undefined))
      return
    }
    const timeout = clock.after(timeoutMs, () => this.#expire(id))
    this.#pending.set(id, { answer, timeout })
  }

  /** Asks for the peer's blocks once more, from what we have of it on; not while those that came last still wait. */
  subscribeAgain(): void {
    if (!this.#paused) this.#link?.send(subscribeFrame(this.#seams.subscribeAfter(this.peer)))
  }

  /** Ends the link; it is dialled again when the peer's penalty is over. */
  hangUp(reason: string): void {
    this.#link?.close(reason)
  }

  /** Hangs up for good. */
  stop(): void {
    this.#stopped = true
    this.#seams.clock.clear(this.#redial)
    this.#seams.clock.clear(this.#resting)
    this.#link?.close('stopping')
  }

  #opened(link: PeerLink): LinkHandlers {
    const { clock, onChange, subscribeAfter } = this.#seams
    this.#link = link
    this.#openedAt = clock.now()
    this.#unchecked = 0
    this.#paused = false
    link.send(subscribeFrame(subscribeAfter(this.peer)))
    // Not at once: whoever is told may ask, and the handlers are not in place yet.
    clock.after(0, () => this.#link === link && onChange(this.peer, true))
    return {
      onFrame: (frame) => this.#read(link, frame),
      onDrain: () => {},
      onClose: (reason) => this.#closed(link, reason),
    }
  }

  #read(link: PeerLink, frame: Uint8Array): void {
    try {
      const message = decodeMessage(frame)
      if (message.type === 'block') this.#takeBlock(link, message.bytes)
      else if (message.type === 'reply') this.#answered(message.id, message.body)
      else if (message.type === 'refusal') this.#answered(message.id, undefined)
      else throw new MalformedMessage(`${message.type} is not for a dialler`)
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      this.#seams.onMalformed(this.peer)
      link.close(messageOf(error))
    }
  }

  #takeBlock(link: PeerLink, bytes: Uint8Array): void {
    this.#unchecked++
    this.#seams.onBlock(this.peer, bytes, () => this.#checked(link))
    this.#rest(link, Math.max(this.#blocks.take(1), this.#bytes.take(bytes.length)))
    if (this.#unchecked >= maxUnchecked) this.#pause(link)
  }

  #rest(link: PeerLink, ms: number): void {
    if (ms <= 0 || this.#resting !== undefined) return
    this.#pause(link)
    this.#resting = this.#seams.clock.after(ms, () => {
      this.#resting = undefined
      this.#goOn(link)
    })
  }

  #pause(link: PeerLink): void {
    if (this.#paused) return
    this.#paused = true
    link.pause()
  }

  #goOn(link: PeerLink): void {
    if (link !== this.#link || !this.#paused || this.#resting !== undefined || this.#unchecked > maxUnchecked / 2)
      return
    this.#paused = false
    link.resume()
  }

  #checked(link: PeerLink): void {
    if (link !== this.#link) return
    this.#unchecked--
    this.#goOn(link)
  }

  #expire(id: number): void {
    this.#allowOnceMore(id)
    this.#settle(id, undefined)
  }

  #allowOnceMore(id: number): void {
    if (this.#late.size >= maxLate) this.#late.delete(this.#late.values().next().value!)
    this.#late.add(id)
  }

  /** @throws MalformedMessage when nobody asked. */
  #answered(id: number, body: Uint8Array | undefined): void {
    if (this.#pending.has(id)) {
      this.#allowOnceMore(id)
      this.#settle(id, body)
    } else if (!this.#late.delete(id)) throw new MalformedMessage('an answer to no question')
  }

  #settle(id: number, body: Uint8Array | undefined): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    this.#seams.clock.clear(pending.timeout)
    pending.answer(body)
  }

  #closed(link: PeerLink, reason: string): void {
    if (link !== this.#link) return
    this.#link = undefined
    this.#late.clear()
    this.#seams.clock.clear(this.#resting)
    this.#resting = undefined
    if (this.#seams.clock.now() - this.#openedAt > healthyMs) this.#failures = 0
    for (const id of [...this.#pending.keys()]) this.#settle(id, undefined)
    this.#seams.onChange(this.peer, false)
    this.#again(reason)
  }

  #again(reason: string): void {
    if (this.#stopped) return
    const { clock, random, log, parameters, penaltyMs } = this.#seams
    const { first, longest } = parameters.reconnectMs
    const patience = Math.min(longest, first * 1.2 ** this.#failures) * (0.5 + random.float())
    const wait = Math.max(patience, penaltyMs(this.peer))
    this.#failures++
    log.debug({ peer: this.peer, reason, againInMs: Math.round(wait) }, 'no link to the peer')
    this.#redial = clock.after(wait, () => this.start())
  }
}
