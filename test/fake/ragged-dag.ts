import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { sealBlock } from '../../src/consensus/block-codec.ts'
import { createCommittee } from '../../src/consensus/committee.ts'
import { genesisBlocks } from '../../src/consensus/genesis.ts'
import { type ConsensusParameters, defaultParameters } from '../../src/consensus/parameters.ts'
import type { AuthorityIndex, BlockRef, Round, SignedBlock } from '../../src/consensus/types.ts'
import { verifyBlock } from '../../src/consensus/verify-block.ts'
import type { FakeCommittee } from './committee.ts'

/** What to hold fast; everything left out is drawn from the seed. */
export interface RaggedOptions {
  readonly size?: number
  readonly rounds?: number
  readonly leadersPerRound?: number
  /** Drawn, a schedule is longer than `gcDepth`. */
  readonly commitsPerSchedule?: number
  /** Chance that a block leaves out a parent it does not need. */
  readonly droppedLinks?: number
}

/** A DAG of valid blocks and the orders in which validators may hear of them. */
export interface RaggedDag {
  readonly fake: FakeCommittee
  readonly parameters: Partial<ConsensusParameters>
  /** All blocks: first as they were made, then shuffled with one author about `gcDepth` rounds late. */
  readonly arrivals: readonly (readonly SignedBlock[])[]
  /** One of the shuffled arrivals, for whatever is too dear to do with all. */
  readonly shuffled: readonly SignedBlock[]
  /** Where a commit sync ends, and where it finds the validator: shares of all commits and of all blocks. */
  readonly sync: { readonly commits: number; readonly blocks: number }
}

/** Repeatable chance (mulberry32). Another sequence would make another DAG of every seed that once found a fault. */
class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  int(below: number): number {
    return Math.floor(this.float() * below)
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.int(items.length)]!
  }

  shuffle<Item>(items: readonly Item[]): Item[] {
    return items.toSorted(() => this.float() - 0.5)
  }
}

/** Keys that are the same in every run: the digests, and with them the order of equivocations, repeat. */
function fixedCommittee(size: number): FakeCommittee {
  const key = (text: string): Uint8Array => createHash('sha256').update(text).digest()
  const authorities = Array.from({ length: size }, (_, author) => {
    const keys = { protocolKey: key(`p${author}`), networkKey: key(`n${author}`) }
    return { name: `v${author}`, stake: 1, ...keys, address: '' }
  })
  return { committee: createCommittee(0, authorities), sign: () => new Uint8Array(64) }
}

/** Who misbehaves in a DAG, and how much. */
interface Mood {
  /** Whose blocks the others link late, by about `lateRounds`. */
  readonly late: AuthorityIndex
  readonly lateRounds: number
  readonly droppedLinks: number
  readonly equivocator: AuthorityIndex | undefined
}

function drawMood(chance: Chance, size: number, gcDepth: number, droppedLinks: number | undefined): Mood {
  const late = chance.int(size)
  const lateRounds = chance.int(gcDepth + 4)
  const dropped = droppedLinks ?? chance.float() * 0.5
  const cheats = size > 3 && chance.float() < 0.5
  return { late, lateRounds, droppedLinks: dropped, equivocator: cheats ? chance.int(size) : undefined }
}

/** Makes the blocks, round by round. */
class Loom {
  readonly blocks: SignedBlock[] = []
  readonly #fake: FakeCommittee
  readonly #gcDepth: number
  readonly #chance: Chance
  readonly #mood: Mood
  /** By round, then author: more than one block where the author equivocates. */
  readonly #slots: (readonly SignedBlock[])[][]
  readonly #last: SignedBlock[]
  /** By author, the highest round of each other author that its blocks have linked. */
  readonly #linked: Round[][]

  constructor(fake: FakeCommittee, gcDepth: number, chance: Chance, mood: Mood) {
    this.#fake = fake
    this.#gcDepth = gcDepth
    this.#chance = chance
    this.#mood = mood
    this.#last = [...genesisBlocks(fake.committee)]
    this.#slots = [this.#last.map((block) => [block])]
    this.#linked = this.#last.map(() => this.#last.map(() => -1))
  }

  weaveRound(round: Round): void {
    const slots = this.#last.map((_, author) => this.#weave(round, author))
    this.#slots.push(slots)
    this.blocks.push(...slots.flat())
    for (const [first] of slots) if (first !== undefined) this.#last[first.ref.author] = first
  }

  /** One author's blocks of a round: none when too few parents are known. */
  #weave(round: Round, author: AuthorityIndex): readonly SignedBlock[] {
    const quorum = this.#fake.committee.quorum - (this.#last[author]!.ref.round === round - 1 ? 1 : 0)
    const parents = this.#parents(round, author, quorum)
    if (parents.length < quorum) return []
    const copies = author === this.#mood.equivocator && this.#chance.float() < 0.4 ? 2 : 1
    const before = this.#linked[author]!
    const made = Array.from({ length: copies }, () => this.#make(round, author, parents, quorum, [...before]))
    this.#linked[author] = made[0]!.linked
    return [...new Map(made.map(({ block }) => [block.ref.digest, block])).values()]
  }

  /** Authors with a block in the round before; the late one only where a quorum needs it. */
  #parents(round: Round, author: AuthorityIndex, quorum: number): readonly AuthorityIndex[] {
    const { late } = this.#mood
    const known = this.#slots[round - 1]!.flatMap((blocks, parent) => (blocks.length > 0 ? parent : []))
    const prompt = this.#chance.shuffle(known.filter((parent) => parent !== author && parent !== late))
    const needsLate = prompt.length < quorum && known.includes(late) && late !== author
    return needsLate ? [...prompt, late] : prompt
  }

  #make(round: Round, author: AuthorityIndex, parents: readonly AuthorityIndex[], quorum: number, linked: Round[]) {
    const spare = parents.slice(quorum).filter(() => this.#chance.float() > this.#mood.droppedLinks).length
    const taken = parents.slice(0, quorum + spare)
    const strong = taken.map((parent) => this.#link(round - 1, parent, linked))
    const others = this.#last.flatMap((_, other) => (other === author || taken.includes(other) ? [] : other))
    const weak = others.flatMap((other) => this.#weakLink(round, other, linked) ?? [])
    const ancestors = [this.#last[author]!.ref, ...this.#chance.shuffle([...strong, ...weak])]
    return { block: this.#seal(round, author, ancestors), linked }
  }

  #link(round: Round, author: AuthorityIndex, linked: Round[]): BlockRef {
    linked[author] = Math.max(linked[author]!, round)
    return this.#chance.pick(this.#slots[round]![author]!).ref
  }

  /** A link to the newest block heard of, if it is newer than what the own blocks have linked. */
  #weakLink(round: Round, author: AuthorityIndex, linked: Round[]): BlockRef | undefined {
    const { late, lateRounds } = this.#mood
    const heard = round - 1 + (author === late ? this.#chance.int(3) - 1 - lateRounds : -this.#chance.int(3))
    const lowest = Math.max(linked[author]!, round - this.#gcDepth - 6, 0)
    for (let at = Math.min(heard, round - 1); at > lowest; at--) {
      const exists = this.#slots[at]![author]!.length > 0
      if (exists && this.#chance.float() < 0.8) return this.#link(at, author, linked)
    }
    return undefined
  }

  #seal(round: Round, author: AuthorityIndex, ancestors: readonly BlockRef[]): SignedBlock {
    const { committee, sign } = this.#fake
    const timestampMs = 1000 + round * 50 + this.#chance.int(30)
    const empty = { transactions: [], commitVotes: [], transactionVotes: [] }
    const fields = { epoch: committee.epoch, round, author, timestampMs, ancestors, ...empty }
    const block = sealBlock(committee, fields, (root) => sign(author, root))
    assert.equal(verifyBlock(committee, defaultParameters, block), undefined)
    return block
  }
}

/** All blocks, each some rounds after it was made. Ancestors may come after their descendants. */
function shuffled(blocks: readonly SignedBlock[], size: number, mood: Mood, chance: Chance): readonly SignedBlock[] {
  const delays = Array.from({ length: size }, () => chance.int(3))
  delays[mood.late] = chance.int(mood.lateRounds + 2)
  const arriving = blocks.map((block) => ({
    block,
    at: block.ref.round + delays[block.ref.author]! + chance.float() * 3,
  }))
  return arriving.sort((a, b) => a.at - b.at).map(({ block }) => block)
}

/**
 * Draws a DAG as a bad network and a cheating author leave it: weak links, missing blocks, equivocations, and an author
 * whose blocks come about as late as collection can bear. The same seed and options give the same digests.
 *
 * @example
 * const { fake, parameters, arrivals } = raggedDag(186, { leadersPerRound: 3 })
 */
export function raggedDag(seed: number, options: RaggedOptions = {}): RaggedDag {
  const chance = new Chance(seed)
  const size = options.size ?? chance.pick([4, 4, 5, 7])
  const gcDepth = 6 + chance.int(6)
  const commitsPerSchedule = options.commitsPerSchedule ?? 15 + chance.int(20)
  const leadersPerRound = options.leadersPerRound ?? 1 + chance.int(2)
  const mood = drawMood(chance, size, gcDepth, options.droppedLinks)
  const fake = fixedCommittee(size)
  const loom = new Loom(fake, gcDepth, chance, mood)
  for (let round = 1; round <= (options.rounds ?? 130); round++) loom.weaveRound(round)
  const late = Array.from({ length: 4 }, () => shuffled(loom.blocks, size, mood, chance))
  const limits = { maxSuspendedPerAuthor: 100_000, maxSiblings: 100 }
  const parameters = { gcDepth, commitsPerSchedule, leadersPerRound, ...limits }
  const arrivals = { arrivals: [loom.blocks, ...late], shuffled: chance.pick(late) }
  return { fake, parameters, ...arrivals, sync: { commits: chance.float(), blocks: chance.float() / 2 } }
}
