import { decodeSignedBlock, MalformedBlock } from '../consensus/block-codec.ts'
import type { Committee } from '../consensus/committee.ts'
import type { DagBlock, SignedBlock } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'
import {
  blockFrame,
  decodeMessage,
  MalformedMessage,
  type Message,
  method,
  replyFrame,
  requestFrame,
} from '../replica/peers/messages.ts'
import type { LinkHandlers, PeerLink, PeerNetwork } from '../replica/seams.ts'
import type { CheatFault } from './faults.ts'
import type { Forger } from './forger.ts'
import type { HostileBlocks } from './hostile-blocks.ts'
import { lieTo } from './lies.ts'

/** What a hostile author works with. */
export interface HostileSeams {
  readonly fault: CheatFault
  readonly committee: Committee
  readonly random: Random
  readonly forger: Forger
  readonly blocks: HostileBlocks
  readonly network: PeerNetwork
}

/** How often it does harm with a block, or with a question that it is asked. */
const chanceOfHarm = 0.4
/** Own blocks to which it comes back later. */
const keptBlocks = 60
const floodFrames = 25
const siblingsAtOnce = 6
/** Own blocks until another peer is the one that is shown what the others are not. */
const blocksPerVictim = 30

/**
 * Stands between an honest replica and the network, as a cheat does, and aims at what peers hold, and do, for its
 * frames: it adds frames of its own to the stream of the honest replica's blocks, puts others in their place, and
 * answers what the replica is asked.
 */
export class HostileNetwork implements PeerNetwork {
  readonly #seams: HostileSeams
  readonly #own: SignedBlock[] = []
  #victim = 0
  #questions = 0

  constructor(seams: HostileSeams) {
    this.#seams = seams
  }

  listen(accept: (link: PeerLink) => LinkHandlers, ready: (error?: Error) => void): void {
    this.#seams.network.listen((link) => this.#accepted(link, accept), ready)
  }

  connect(peer: number, opened: (link: PeerLink) => LinkHandlers, failed: (reason: string) => void): void {
    const { network, fault } = this.#seams
    network.connect(
      peer,
      (link) => {
        if (fault.kind === 'flood') this.#askMuch(link)
        return opened(link)
      },
      failed,
    )
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
      onFrame: (frame) => this.#liedTo(link, frame) || handlers.onFrame(frame),
      onDrain: () => handlers.onDrain(),
      onClose: (reason) => handlers.onClose(reason),
    }
  }

  #send(link: PeerLink, frame: Uint8Array): boolean {
    const { committee, random } = this.#seams
    const block = blockIn(frame, committee)
    if (block === undefined) return link.send(frame)
    this.#remember(block)
    if (this.#seams.fault.kind === 'trust') return this.#sendTrusted(link, frame, block)
    if (random.float() < chanceOfHarm) for (const extra of this.#extras(block, frame)) link.send(extra)
    return link.send(frame)
  }

  #remember(block: SignedBlock): void {
    const { random, committee } = this.#seams
    if (this.#own.at(-1)?.ref.digest === block.ref.digest) return
    this.#own.push(block)
    if (this.#own.length > keptBlocks) this.#own.shift()
    if (block.ref.round % blocksPerVictim === 1) this.#victim = random.int(committee.size)
  }

  /** The victim is shown everything, and blocks that rest on nothing; the others by chance. */
  #sendTrusted(link: PeerLink, frame: Uint8Array, block: SignedBlock): boolean {
    const { random, blocks } = this.#seams
    if (link.peer !== this.#victim) return random.float() < chanceOfHarm || link.send(frame)
    if (random.float() >= chanceOfHarm) return link.send(frame)
    return link.send(blockFrame(blocks.trusted(block.block).bytes))
  }

  /** Frames that leave before the honest replica's own. */
  #extras(block: SignedBlock, frame: Uint8Array): readonly Uint8Array[] {
    const { fault, blocks } = this.#seams
    const many = (count: number, make: () => SignedBlock): Uint8Array[] =>
      Array.from({ length: count }, () => blockFrame(make().bytes))
    if (fault.kind === 'starve') return many(5, () => blocks.unfounded(block.block))
    if (fault.kind === 'lie') return many(1, () => blocks.dangling(block.block))
    if (fault.kind === 'bloat') return many(1, () => blocks.bloated(block.block))
    if (fault.kind === 'siblings') return many(siblingsAtOnce, () => blocks.bulkySibling(this.#anyOwn()))
    return this.#flood(block, frame)
  }

  #flood(block: SignedBlock, frame: Uint8Array): readonly Uint8Array[] {
    const { random, forger } = this.#seams
    const choices = [
      () => blockFrame(new Uint8Array(0)),
      () => frame,
      () => blockFrame(forger.badSignature(block).bytes),
      () => blockFrame(this.#own[random.int(this.#own.length)]!.bytes),
    ]
    const make = choices[random.int(choices.length)]!
    return Array.from({ length: floodFrames }, make)
  }

  #anyOwn(): DagBlock {
    const { random } = this.#seams
    return (random.float() < 0.5 ? this.#own.at(-1) : this.#own[random.int(this.#own.length)])!.block
  }

  #askMuch(link: PeerLink): void {
    for (let n = 0; n < floodFrames; n++)
      link.send(requestFrame(this.#questionId(), method.latestRounds, new Uint8Array(0)))
  }

  /** Numbers that the replica behind us does not use: it begins at the other end. */
  #questionId(): number {
    this.#questions++
    return 0xffff_ffff - this.#questions
  }

  #liedTo(link: PeerLink, frame: Uint8Array): boolean {
    const { fault, random, committee, blocks } = this.#seams
    const isOurs = fault.kind === 'lie' || fault.kind === 'trust'
    if (!isOurs || random.float() >= chanceOfHarm) return false
    const question = questionIn(frame)
    const last = this.#own.at(-1)?.block
    if (question === undefined || last === undefined) return false
    if (fault.kind === 'lie') link.send(lieTo(question, { committee, random, blocks, last }))
    else if (question.method === method.fetchBlocks) link.send(replyFrame(question.id, undefined))
    else return false
    return true
  }
}

function blockIn(frame: Uint8Array, committee: Committee): SignedBlock | undefined {
  try {
    const message = decodeMessage(frame)
    return message.type === 'block' ? decodeSignedBlock(message.bytes, committee) : undefined
  } catch (error) {
    if (error instanceof MalformedMessage || error instanceof MalformedBlock) return undefined
    throw error
  }
}

function questionIn(frame: Uint8Array): (Message & { readonly type: 'request' }) | undefined {
  try {
    const message = decodeMessage(frame)
    return message.type === 'request' ? message : undefined
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined
    throw error
  }
}
