import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type Committee, createCommittee } from '../../src/consensus/committee.ts'
import { type ConsensusState, createConsensus, recoverConsensus, step } from '../../src/consensus/consensus.ts'
import { type ConsensusParameters, defaultParameters } from '../../src/consensus/parameters.ts'
import type {
  BlockRef,
  Checkpoint,
  CommittedSubDag,
  ConsensusEffect,
  ConsensusEvent,
  ConsensusSeams,
  LogRecord,
  SignedBlock,
} from '../../src/consensus/types.ts'

/** A committee whose private keys are at hand. */
export interface FakeCommittee {
  readonly committee: Committee
  sign(author: number, root: Uint8Array): Uint8Array
}

/** Fresh keys for one member per stake. */
export function fakeCommittee(stakes: readonly number[], epoch = 0): FakeCommittee {
  const keys = stakes.map(() => generateKeyPairSync('ed25519'))
  const raw = (key: KeyObject): Uint8Array => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
  const authorities = stakes.map((stake, author) => {
    const protocolKey = raw(keys[author]!.publicKey)
    return { name: `v${author}`, stake, protocolKey, networkKey: protocolKey, address: '' }
  })
  return {
    committee: createCommittee(epoch, authorities),
    sign: (author, root) => sign(null, root, keys[author]!.privateKey),
  }
}

/** One validator with everything it has done so far. */
export class FakeValidator {
  readonly own: number
  readonly seams: ConsensusSeams
  state: ConsensusState
  readonly log: LogRecord[] = []
  readonly delivered: CommittedSubDag[] = []
  readonly sent: SignedBlock[] = []
  readonly effects: ConsensusEffect[] = []
  readonly pool: Uint8Array[] = []
  readonly #blocks = new Map<string, SignedBlock>()

  constructor(
    fake: FakeCommittee,
    own: number,
    parameters: Partial<ConsensusParameters> = {},
    judge?: ConsensusSeams['judge'],
  ) {
    this.own = own
    this.seams = {
      committee: fake.committee,
      own,
      parameters: { ...defaultParameters, minRoundDelayMs: 0, ...parameters },
      sign: (root) => fake.sign(own, root),
      transactions: { take: (count) => this.pool.splice(0, count) },
      ...(judge === undefined ? {} : { judge }),
    }
    this.state = createConsensus(this.seams)
  }

  /** Starts a validator on an empty disk that may propose at once. */
  begin(nowMs = 0): void {
    this.step({ type: 'start' }, nowMs)
    this.step({ type: 'subscribers', count: 1 }, nowMs)
    this.step({ type: 'ownLastRoundLearned', round: 0 }, nowMs)
  }

  step(event: ConsensusEvent, nowMs = 0): readonly ConsensusEffect[] {
    const effects = step(this.state, event, nowMs)
    for (const effect of effects) {
      if (effect.type === 'persist') this.#persist(effect.records)
      else if (effect.type === 'deliver') this.delivered.push(effect.subDag)
      else if (effect.type === 'broadcast') this.sent.push(effect.block)
      else this.effects.push(effect)
    }
    return effects
  }

  /** Stops keeping blocks, for long runs; fetches are not answered from here any more. */
  forgetBlocks(): void {
    this.#blocks.set = () => this.#blocks
  }

  #persist(records: readonly LogRecord[]): void {
    this.log.push(...records)
    for (const record of records) if (record.type === 'block') this.#blocks.set(record.block.ref.digest, record.block)
  }

  /** The state as it would be after a crash, from the log alone. */
  recovered(log: readonly LogRecord[] = this.log): ConsensusState {
    const last = log.findLast((record) => record.type === 'checkpoint')
    const checkpoint: Checkpoint | undefined = last?.type === 'checkpoint' ? last.checkpoint : undefined
    return recoverConsensus(this.seams, checkpoint, log)
  }

  /** A block from this validator's log. */
  find(ref: BlockRef): SignedBlock | undefined {
    return this.#blocks.get(ref.digest)
  }

  /** Digests of everything ordered so far. */
  get sequence(): readonly string[] {
    return this.delivered.flatMap(({ blocks }) => blocks.map(({ ref }) => ref.digest))
  }
}
