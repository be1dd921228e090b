import { randomBytes, sign } from 'node:crypto'
import { loadConsensusConfig } from '../../src/cli/consensus-config.ts'
import { decodeSignedBlock, sealBlock } from '../../src/consensus/block-codec.ts'
import { genesisBlocks } from '../../src/consensus/genesis.ts'
import type { BlockRef, Round, SignedBlock } from '../../src/consensus/types.ts'
import { realClock, type Timer } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { systemRandom } from '../../src/core/random.ts'
import { splitAddress } from '../../src/replica/identity/committee-file.ts'
import { authorityOf, readSecretFile } from '../../src/replica/identity/secret-file.ts'
import { TlsNetwork } from '../../src/replica/link/tls-network.ts'
import {
  blockFrame,
  decodeMessage,
  type Message,
  replyFrame,
  subscribeFrame,
} from '../../src/replica/peers/messages.ts'
import type { LinkHandlers, PeerLink } from '../../src/replica/seams.ts'
import { type Attack, attacks, type Hostility } from './hostilities.ts'

/** Frames that one link is given at a time. */
const burst = 500
const tickMs = 20
const redialMs = 50

/**
 * A member of the committee that speaks the protocol with its own keys and means harm: it hears the others' blocks, and
 * sends what its attack makes of them, on every link that it can get, as fast as the links take it.
 */
export class HostileMember {
  readonly own: number
  /** Frames sent since the attack began. */
  sent = 0
  /** Links of ours that the others closed. */
  closed = 0
  readonly #config
  readonly #secrets
  readonly #network: TlsNetwork
  readonly #tips = new Map<Round, Map<number, SignedBlock>>()
  readonly #subscribers = new Set<PeerLink>()
  readonly #dialled = new Set<PeerLink>()
  #attack: Attack | undefined
  #timer: Timer | undefined
  #over = false

  private constructor(config: string) {
    this.#config = loadConsensusConfig(config)
    this.#secrets = readSecretFile(this.#config.secret)
    const { committee, digest } = this.#config.committee
    this.own = authorityOf(committee, this.#secrets)
    const peers = committee.authorities.map(({ address, networkKey }) => ({ ...splitAddress(address), networkKey }))
    this.#network = new TlsNetwork({
      peers,
      own: this.own,
      networkKey: this.#secrets.networkKey,
      epoch: committee.epoch,
      committeeDigest: digest,
      listen: this.#config.listen ?? peers[this.own]!,
      clock: realClock,
      random: systemRandom,
      log: silentLog,
    })
  }

  /** Takes the member's place in the committee; until {@link begin} it only listens. */
  static async join(config: string): Promise<HostileMember> {
    const member = new HostileMember(config)
    await new Promise<void>((resolve, reject) =>
      member.#network.listen(
        (link) => member.#accepted(link),
        (error) => (error === undefined ? resolve() : reject(error)),
      ),
    )
    for (let peer = 0; peer < member.#committee.size; peer++) if (peer !== member.own) member.#dial(peer)
    return member
  }

  begin(hostility: Hostility): void {
    this.#attack = attacks[hostility](this)
    this.#tick()
  }

  async close(): Promise<void> {
    this.#over = true
    realClock.clear(this.#timer)
    await new Promise<void>((resolve) => this.#network.close(resolve))
  }

  /** The highest round of which a quorum of blocks has been heard; 0 at the start. */
  get round(): Round {
    const { committee } = this.#config.committee
    const stake = (blocks: Map<number, SignedBlock>): number =>
      [...blocks.keys()].reduce((sum, author) => sum + committee.stake(author), 0)
    return Math.max(0, ...[...this.#tips].filter(([, blocks]) => stake(blocks) >= committee.quorum).map(([at]) => at))
  }

  /** Blocks of the others of a round. */
  heard(round: Round): readonly SignedBlock[] {
    return [...(this.#tips.get(round)?.values() ?? [])]
  }

  get genesis(): BlockRef {
    return genesisBlocks(this.#committee)[this.own]!.ref
  }

  get gcDepth(): number {
    return this.#config.committee.parameters.gcDepth
  }

  /** A reference to a block that nobody has. */
  invented(round: Round, author: number): BlockRef {
    return { round, author, digest: randomBytes(32).toString('hex') }
  }

  /** A signed block of ours. */
  seal(fields: {
    readonly round: Round
    readonly ancestors: readonly BlockRef[]
    readonly transactions?: readonly Uint8Array[]
    readonly transactionVotes?: readonly { readonly block: BlockRef; readonly rejects: readonly number[] }[]
  }): SignedBlock {
    const all = {
      epoch: this.#committee.epoch,
      author: this.own,
      timestampMs: realClock.wall(),
      commitVotes: [],
      transactions: [],
      transactionVotes: [],
      ...fields,
    }
    return sealBlock(this.#committee, all, (root) => sign(null, root, this.#secrets.protocolKey))
  }

  get #committee() {
    return this.#config.committee.committee
  }

  #accepted(link: PeerLink): LinkHandlers {
    return {
      onFrame: (frame) => this.#asked(link, decodeMessage(frame)),
      onDrain: () => {},
      onClose: () => {
        if (this.#subscribers.delete(link)) this.closed++
      },
    }
  }

  #asked(link: PeerLink, message: Message): void {
    if (message.type === 'subscribe') this.#subscribers.add(link)
    if (message.type !== 'request') return
    link.send(this.#attack?.answer?.(message) ?? replyFrame(message.id, undefined))
  }

  #dial(peer: number): void {
    if (this.#over) return
    const again = (): void => void realClock.after(redialMs, () => this.#dial(peer))
    this.#network.connect(
      peer,
      (link) => {
        this.#dialled.add(link)
        link.send(subscribeFrame(this.round))
        return {
          onFrame: (frame) => this.#hear(decodeMessage(frame)),
          onDrain: () => {},
          onClose: () => {
            this.#dialled.delete(link)
            again()
          },
        }
      },
      again,
    )
  }

  #hear(message: Message): void {
    if (message.type !== 'block') return
    const block = decodeSignedBlock(message.bytes, this.#committee)
    const blocks = this.#tips.get(block.ref.round) ?? new Map<number, SignedBlock>()
    this.#tips.set(block.ref.round, blocks.set(block.ref.author, block))
    for (const round of this.#tips.keys()) if (round < block.ref.round - 10) this.#tips.delete(round)
  }

  #tick(): void {
    if (this.#over) return
    const { stream, ask, deaf } = this.#attack!
    for (const link of this.#subscribers) this.#pour(link, (n) => blockFrameOf(stream?.(n, link.peer)))
    for (const link of this.#dialled) {
      if (deaf === true) link.pause()
      this.#pour(link, (n) => ask?.(n))
    }
    this.#timer = realClock.after(tickMs, () => this.#tick())
  }

  #pour(link: PeerLink, frame: (n: number) => Uint8Array | undefined): void {
    for (let n = 0; n < burst; n++) {
      const next = frame(n)
      if (next === undefined || !link.send(next)) return
      this.sent++
    }
  }
}

function blockFrameOf(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : blockFrame(bytes)
}
