import { decodeSignedBlock } from '../consensus/block-codec.ts'
import type { Committee } from '../consensus/committee.ts'
import type { BlockRef, SignedBlock } from '../consensus/types.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import {
  blockFrame,
  decodeFetchBlocks,
  decodeMessage,
  encodeList,
  MalformedMessage,
  method,
  replyFrame,
} from '../replica/peers/messages.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../replica/seams.ts'
import type { CheatFault } from './faults.ts'
import type { Forger } from './forger.ts'

/** What a cheat works with. */
export interface CheatSeams {
  readonly fault: CheatFault
  readonly committee: Committee
  readonly clock: Clock
  readonly random: Random
  readonly forger: Forger
  readonly network: PeerNetwork
}

/** Own blocks whose forgeries are remembered, so that a peer that asks again is told the same. */
const keptForgeries = 300

/** How often an author that could cheat with a block does. */
const chanceOfCheating = 0.5

const mostRefs = 100_000

/** An own block and its forged twin, with the peers that get the twin. */
interface Forgery {
  readonly twin: SignedBlock
  readonly shownTo: ReadonlySet<number>
}

/**
 * Stands between an honest replica and the network and turns it into a cheat: it changes what leaves, on the links that
 * peers dialled to hear its blocks and ask for others. The replica behind it stays honest and knows nothing.
 */
export class CheatingNetwork implements PeerNetwork {
  readonly #seams: CheatSeams
  readonly #forgeries = new Map<string, Forgery>()
  readonly #twins = new Map<string, SignedBlock>()
  readonly #audiences = new Map<string, ReadonlySet<number>>()

  constructor(seams: CheatSeams) {
    this.#seams = seams
  }

  listen(accept: (link: PeerLink) => LinkHandlers, ready: (error?: Error) => void): void {
    this.#seams.network.listen((link) => this.#accepted(link, accept), ready)
  }

  connect(peer: number, opened: (link: PeerLink) => LinkHandlers, failed: (reason: string) => void): void {
    this.#seams.network.connect(peer, opened, failed)
  }

  close(done: () => void): void {
    this.#seams.network.close(done)
  }

  #accepted(link: PeerLink, accept: (link: PeerLink) => LinkHandlers): LinkHandlers {
    const handlers = accept({
      peer: link.peer,
      send: (frame) => this.#send(link, frame),
      pause: () => link.pause(),
      resume: () => link.resume(),
      close: (reason) => link.close(reason),
    })
    return {
      onFrame: (frame) => this.#answeredByCheat(link, frame) || handlers.onFrame(frame),
      onDrain: () => handlers.onDrain(),
      onClose: (reason) => handlers.onClose(reason),
    }
  }

  #send(link: PeerLink, frame: Uint8Array): boolean {
    const { fault, clock, random, forger, committee } = this.#seams
    if (fault.kind === 'garbage') return link.send(random.float() < chanceOfCheating ? forger.garbage(frame) : frame)
    const message = decodeMessage(frame)
    if (message.type !== 'block') return link.send(frame)
    if (fault.kind === 'late') {
      clock.after(fault.ms, () => link.send(frame))
      return true
    }
    const block = decodeSignedBlock(message.bytes, committee)
    if (fault.kind === 'withhold') return !this.#audience(block).has(link.peer) || link.send(frame)
    const forgery = this.#forgery(block)
    return link.send(forgery?.shownTo.has(link.peer) === true ? blockFrame(forgery.twin.bytes) : frame)
  }

  /** Answers a question that the honest replica would answer honestly; false leaves it to the replica. */
  #answeredByCheat(link: PeerLink, frame: Uint8Array): boolean {
    const { kind } = this.#seams.fault
    if (kind !== 'equivocate' && kind !== 'withhold') return false
    const asked = questionIn(frame)
    if (asked === undefined) return false
    const twins = asked.refs.flatMap(({ digest }) => this.#twins.get(digest) ?? [])
    if (kind === 'equivocate' && twins.length === 0) return false
    const answer = kind === 'withhold' ? undefined : encodeList(twins.map(({ bytes }) => bytes))
    link.send(replyFrame(asked.id, answer))
    return true
  }

  #forgery(block: SignedBlock): Forgery | undefined {
    const known = this.#forgeries.get(block.ref.digest)
    if (known !== undefined) return known
    const twin = this.#twin(block)
    if (twin === undefined) return undefined
    const forgery = { twin, shownTo: this.#someone() }
    remember(this.#forgeries, block.ref.digest, forgery)
    remember(this.#twins, twin.ref.digest, twin)
    return forgery
  }

  #twin(block: SignedBlock): SignedBlock | undefined {
    const { fault, forger, random } = this.#seams
    if (random.float() >= chanceOfCheating) return undefined
    if (fault.kind === 'equivocate') return forger.sibling(block.block)
    if (fault.kind === 'badSignature') return forger.badSignature(block)
    return fault.kind === 'badAncestors' ? forger.badAncestors(block.block) : undefined
  }

  #audience(block: SignedBlock): ReadonlySet<number> {
    const known = this.#audiences.get(block.ref.digest)
    if (known !== undefined) return known
    const audience = this.#someone()
    remember(this.#audiences, block.ref.digest, audience)
    return audience
  }

  #someone(): ReadonlySet<number> {
    const { committee, random } = this.#seams
    const share = random.float()
    const everyone = Array.from({ length: committee.size }, (_, peer) => peer)
    return new Set(everyone.filter(() => random.float() < share))
  }
}

/** The blocks that a frame asks for; undefined when it asks for none, or not properly. */
function questionIn(frame: Uint8Array): { readonly id: number; readonly refs: readonly BlockRef[] } | undefined {
  try {
    const message = decodeMessage(frame)
    if (message.type !== 'request' || message.method !== method.fetchBlocks) return undefined
    return { id: message.id, refs: decodeFetchBlocks(message.body, mostRefs).refs }
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}

function remember<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  if (kept.size >= keptForgeries) kept.delete(kept.keys().next().value!)
  kept.set(key, value)
}
