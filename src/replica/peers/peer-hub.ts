import type { AuthorityIndex, Round, SignedBlock } from '../../consensus/types.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { StreamLimits } from '../block-limits.ts'
import type { ReplicaParameters } from '../parameters.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../seams.ts'
import type { Message } from './messages.ts'
import { PeerClient } from './peer-client.ts'
import { PeerServer } from './peer-server.ts'
import { type PeerQuestions, Peers } from './peers.ts'
import { Penalties } from './penalties.ts'
import { QuestionShare } from './question-share.ts'

/** What a hub needs. */
export interface PeerHubSeams {
  readonly size: number
  readonly own: AuthorityIndex
  readonly network: PeerNetwork
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly parameters: ReplicaParameters
  readonly streamLimits: StreamLimits
  /** From where a peer's blocks are wanted. */
  readonly subscribeAfter: (peer: AuthorityIndex) => Round
  /** A block of a peer's stream; `done` when it has been checked. */
  readonly onBlock: (peer: AuthorityIndex, bytes: Uint8Array, done: () => void) => void
  /** Own blocks above a round that are safe on the disk, lowest first. */
  readonly ownBlocksAfter: (round: Round) => readonly SignedBlock[]
  /** @throws MalformedMessage */
  readonly answer: (request: Message & { type: 'request' }) => Uint8Array | undefined
  /** Is to call {@link PeerHub.punish}. */
  readonly onMalformed: (peer: AuthorityIndex) => void
  /** Somebody began or ceased to take our blocks. */
  readonly onSubscribers: () => void
  /** A peer can be asked. */
  readonly onLinked: () => void
}

/** Both ends of all links: those that we dialled, and those that were dialled to us. */
export class PeerHub {
  /** Through which peers are asked. */
  readonly questions: PeerQuestions
  readonly #seams: PeerHubSeams
  readonly #clients: readonly PeerClient[]
  readonly #servers = new Set<PeerServer>()
  readonly #penalties: Penalties
  readonly #shares: readonly QuestionShare[]
  #frame: { readonly block: SignedBlock; readonly frame: Uint8Array } | undefined

  constructor(seams: PeerHubSeams) {
    const peers = Array.from({ length: seams.size }, (_, peer) => peer).filter((peer) => peer !== seams.own)
    const onChange = (peer: AuthorityIndex, connected: boolean): void => this.#changed(peer, connected)
    const penaltyMs = (peer: AuthorityIndex): number => this.#penalties.waitMs(peer)
    this.#seams = seams
    this.#shares = Array.from({ length: seams.size }, () => new QuestionShare(seams.clock, seams.size - 1))
    this.#penalties = new Penalties(seams.clock, seams.parameters.penaltyMs)
    this.#clients = peers.map((peer) => new PeerClient(peer, { ...seams, penaltyMs, onChange }))
    this.questions = new Peers(this.#clients, seams.random)
  }

  /** Peers that take our blocks. */
  get subscribers(): ReadonlySet<AuthorityIndex> {
    return new Set([...this.#servers].filter(({ subscribed }) => subscribed).map(({ peer }) => peer))
  }

  /** By peer, whether we reach it and whether it takes our blocks. */
  get states(): readonly {
    readonly peer: AuthorityIndex
    readonly connected: boolean
    readonly subscribed: boolean
  }[] {
    const { subscribers } = this
    return this.#clients.map(({ peer, connected }) => ({ peer, connected, subscribed: subscribers.has(peer) }))
  }

  /** Takes links. */
  listen(ready: (error?: Error) => void): void {
    this.#seams.network.listen((link) => this.#accept(link), ready)
  }

  /** Starts to dial every peer. */
  dial(): void {
    for (const client of this.#clients) client.start()
  }

  /** Sends new own blocks to those that take them. */
  pump(): void {
    for (const server of this.#servers) server.pump()
  }

  /** Asks all peers for their blocks once more. */
  subscribeAgain(): void {
    for (const client of this.#clients) client.subscribeAgain()
  }

  /** Ends the link on which the peer sent what no honest one sends, and leaves it alone for longer each time. */
  punish(peer: AuthorityIndex, reason: string): void {
    this.#penalties.offended(peer)
    this.#clients.find((client) => client.peer === peer)?.hangUp(reason)
  }

  /** Closes what was dialled and dials no more. */
  hangUp(): void {
    for (const client of this.#clients) client.stop()
  }

  #accept(link: PeerLink): LinkHandlers {
    if (this.#penalties.waitMs(link.peer) > 0) return turnedAway(link)
    const { ownBlocksAfter, answer, onSubscribers, onMalformed } = this.#seams
    const server = new PeerServer(link, {
      clock: this.#seams.clock,
      share: this.#shares[link.peer]!,
      ownBlocksAfter,
      answer,
      frameOf: (block, make) => this.#frameOf(block, make),
      onSubscribed: onSubscribers,
      onMalformed: () => onMalformed(link.peer),
      onClosed: () => {
        this.#servers.delete(server)
        onSubscribers()
      },
    })
    // A peer that dials again has lost its old link, whatever our side of it believes.
    for (const old of this.#servers) if (old.peer === link.peer) old.close('the peer dialled again')
    this.#servers.add(server)
    return server
  }

  /** The newest block goes to all peers: its frame is made once. */
  #frameOf(block: SignedBlock, make: (block: SignedBlock) => Uint8Array): Uint8Array {
    if (this.#frame?.block !== block) this.#frame = { block, frame: make(block) }
    return this.#frame.frame
  }

  #changed(peer: AuthorityIndex, connected: boolean): void {
    this.#seams.log.info({ peer }, connected ? 'linked to the peer' : 'lost the link to the peer')
    if (connected) this.#seams.onLinked()
  }
}

function turnedAway(link: PeerLink): LinkHandlers {
  link.close('the peer is left alone because of what it sent')
  return { onFrame: () => {}, onDrain: () => {}, onClose: () => {} }
}
