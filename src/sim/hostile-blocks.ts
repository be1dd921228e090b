import type { Committee } from '../consensus/committee.ts'
import type { ConsensusParameters } from '../consensus/parameters.ts'
import type { BlockRef, DagBlock, Round, SignedBlock } from '../consensus/types.ts'
import type { Random } from '../core/random.ts'
import type { Forger } from './forger.ts'

const farRound = 4_000_000_000
/** Enough to be noticed where bytes are counted, and little enough for thousands of runs. */
const bulkBytes = 24_000

/** What hostile blocks are made with. */
export interface HostileBlocksSeams {
  readonly committee: Committee
  readonly parameters: ConsensusParameters
  readonly random: Random
  readonly forger: Forger
}

/**
 * Blocks that an author makes who keeps the letter of most rules and means harm, each out of a block that its honest
 * half made. They aim at what others hold and do for it, at any depth of the DAG.
 */
export class HostileBlocks {
  readonly #seams: HostileBlocksSeams
  #trusted: BlockRef | undefined

  constructor(seams: HostileBlocksSeams) {
    this.#seams = seams
  }

  /** The block with one ancestor that nobody has ever made, at a depth of chance. */
  dangling(block: DagBlock, transactions: readonly Uint8Array[] = []): SignedBlock {
    const { forger, random } = this.#seams
    const [own, ...others] = block.ancestors
    const spare = random.float() < 0.5 ? forger.spareParent(block) : undefined
    const lost = spare ?? own!
    const invented = this.#invented(this.#below(lost.round + 1), lost.author)
    return forger.variant(block, {
      ancestors: spare === undefined ? [invented, ...others] : block.ancestors.map((a) => (a === spare ? invented : a)),
      transactions,
    })
  }

  /** A block of any round, near, far or below all others, whose ancestors nobody has. */
  unfounded(block: DagBlock): SignedBlock {
    const { committee, parameters, random, forger } = this.#seams
    const near = this.#below(block.round) + random.int(3 * parameters.gcDepth)
    const round = random.float() < 0.5 ? farRound + random.int(1000) : Math.max(2, near)
    const authors = [
      block.author,
      ...committee.authorities.map((_, author) => author).filter((author) => author !== block.author),
    ]
    return forger.variant(block, { round, ancestors: authors.map((author) => this.#invented(round - 1, author)) })
  }

  /**
   * A block whose own ancestor lies, invented, about where blocks are collected; or one on top of the last of these, so
   * that whoever took the first on trust builds on it.
   */
  trusted(block: DagBlock): SignedBlock {
    const { forger, random } = this.#seams
    const [own, ...others] = block.ancestors
    const before = this.#trusted !== undefined && this.#trusted.round < block.round && random.float() < 0.5
    const parent = before ? this.#trusted! : this.#invented(this.#below(own!.round), own!.author)
    const made = forger.variant(block, { ancestors: [parent, ...others] })
    this.#trusted = made.ref
    return made
  }

  /** A block that carries more of one thing than anybody needs. */
  bloated(block: DagBlock): SignedBlock {
    const { forger, random, parameters } = this.#seams
    const parent = block.ancestors[0]!
    const rejects = Array.from({ length: 1000 }, (_, at) => at)
    const choices = [
      () => ({ transactionVotes: Array.from({ length: 20 }, () => ({ block: parent, rejects })) }),
      () => ({ transactionVotes: Array.from({ length: 2000 }, () => ({ block: parent, rejects: [0] })) }),
      () => ({ transactions: [random.bytes(parameters.maxTransactionBytes + 1)] }),
      () => ({ transactions: Array.from({ length: parameters.maxTransactionsPerBlock + 1 }, () => new Uint8Array(1)) }),
      () => ({ transactions: Array.from({ length: 20 }, () => random.bytes(bulkBytes)) }),
      () => ({ commitVotes: Array.from({ length: 500 }, (_, at) => ({ index: at + 1, digest: parent.digest })) }),
      () => ({ ancestors: Array.from({ length: 1000 }, () => parent) }),
    ]
    return forger.variant(block, choices[random.int(choices.length)]!())
  }

  /** One more block of the same slot, large, and sometimes waiting for what nobody has. */
  bulkySibling(block: DagBlock): SignedBlock {
    const { forger, random } = this.#seams
    const transactions = [random.bytes(bulkBytes)]
    return random.float() < 0.5 ? this.dangling(block, transactions) : forger.variant(block, { transactions })
  }

  /** A round below `round`, as deep as what is kept or twice that. */
  #below(round: Round): Round {
    return Math.max(1, round - 1 - this.#seams.random.int(2 * this.#seams.parameters.gcDepth))
  }

  #invented(round: Round, author: number): BlockRef {
    return { round, author, digest: this.#seams.random.bytes(32).toString('hex') }
  }
}
