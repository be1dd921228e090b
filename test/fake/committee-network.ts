import assert from 'node:assert/strict'
import { type BlockFields, sealBlock } from '../../src/consensus/block-codec.ts'
import type { ConsensusParameters } from '../../src/consensus/parameters.ts'
import { missingBlocks } from '../../src/consensus/queries.ts'
import type { BlockRef, ConsensusEffect, ConsensusEvent, SignedBlock } from '../../src/consensus/types.ts'
import { seededRandom } from '../../src/core/random.ts'
import { type FakeCommittee, FakeValidator, fakeCommittee } from './committee.ts'

interface Message {
  readonly to: FakeValidator
  readonly event: ConsensusEvent
}

/** Validators in one process that hear of each other in a random order; the seed replays it. Fetches are answered. */
export class FakeNetwork {
  readonly validators: readonly FakeValidator[]
  /** Validators that neither hear nor are heard. */
  readonly down = new Set<FakeValidator>()
  nowMs = 0
  #messages: Message[] = []
  readonly #random
  readonly #window: number

  /** @param window how many waiting messages the next one is drawn from: 1 keeps their order */
  constructor(validators: readonly FakeValidator[], seed: number, window = 20) {
    this.validators = validators
    this.#random = seededRandom(seed)
    this.#window = window
  }

  begin(): void {
    for (const validator of this.validators) {
      validator.begin(this.nowMs)
      this.#spread(validator, validator.effects.splice(0))
    }
  }

  /** Lets one waiting message arrive; false when none waits. */
  deliverOne(): boolean {
    const count = Math.min(this.#window, this.#messages.length)
    if (count === 0) return false
    const [message] = this.#messages.splice(this.#random.int(count), 1)
    if (message !== undefined && !this.down.has(message.to)) this.happen(message.to, message.event)
    return true
  }

  /** Something happens to a validator, and its effects are performed. */
  happen(to: FakeValidator, event: ConsensusEvent): void {
    this.nowMs++
    this.#spread(to, to.step(event, this.nowMs))
  }

  /** Runs until `done`; when nothing else happens, missing blocks are asked for again and leaders time out. */
  runUntil(done: () => boolean, limit = 1_000_000): void {
    for (let at = 0; at < limit && !done(); at++) if (!this.deliverOne()) this.#timeOut()
    if (!done()) throw new Error('The network did not get there.')
  }

  #timeOut(): void {
    for (const validator of this.validators) {
      if (this.down.has(validator)) continue
      this.#answer(validator, validator.own, missingBlocks(validator.state))
      this.happen(validator, { type: 'timer', kind: 'leaderTimeout', round: validator.state.clock.round })
    }
  }

  #spread(from: FakeValidator, effects: readonly ConsensusEffect[]): void {
    for (const block of from.sent.splice(0)) {
      if (this.down.has(from)) continue
      for (const to of this.validators) if (to !== from) this.#post(to, from.own, [block])
    }
    for (const effect of effects) if (effect.type === 'fetch') this.#answer(from, effect.from, effect.refs)
  }

  #answer(to: FakeValidator, peer: number, refs: readonly BlockRef[]): void {
    const answers = [...this.validators].sort((a, b) => Number(b.own === peer) - Number(a.own === peer))
    const blocks = refs.flatMap((ref) => answers.find((each) => each.find(ref))?.find(ref) ?? [])
    if (blocks.length > 0) this.#post(to, peer, blocks)
  }

  #post(to: FakeValidator, from: number, blocks: readonly SignedBlock[]): void {
    this.#messages.push({ to, event: { type: 'blocks', from, blocks } })
  }
}

/** Four members of equal stake. */
export const four = fakeCommittee([1, 1, 1, 1])

/** A network of one validator per member. */
export function network(
  seed: number,
  parameters: Partial<ConsensusParameters> = {},
  fake: FakeCommittee = four,
  window = 20,
): FakeNetwork {
  const validators = fake.committee.authorities.map((_, own) => new FakeValidator(fake, own, parameters))
  return new FakeNetwork(validators, seed, window)
}

/** Runs until every validator that is up has left that round behind. */
export function runRounds(net: FakeNetwork, rounds: number): void {
  net.runUntil(() => net.validators.every((each) => net.down.has(each) || each.state.clock.round > rounds))
}

/** Every pair's sequences are prefixes of one another, and nothing is ordered twice. */
export function assertOneSequence(validators: readonly FakeValidator[]): void {
  const sequences = validators.map(({ sequence }) => sequence)
  const longest = sequences.reduce((a, b) => (b.length > a.length ? b : a))
  for (const sequence of sequences) assert.deepEqual(sequence, longest.slice(0, sequence.length))
  assert.equal(new Set(longest).size, longest.length, 'nothing is ordered twice')
}

/** A block by hand. */
export function made(
  fake: FakeCommittee,
  author: number,
  below: readonly SignedBlock[],
  more: Partial<BlockFields> = {},
): SignedBlock {
  const own = below.filter(({ ref }) => ref.author === author)
  const others = below.filter(({ ref }) => ref.author !== author)
  const fields: BlockFields = {
    epoch: 0,
    round: 1 + Math.max(...below.map(({ ref }) => ref.round)),
    author,
    timestampMs: 0,
    ancestors: [...own, ...others].map(({ ref }) => ref),
    transactions: [],
    commitVotes: [],
    transactionVotes: [],
    ...more,
  }
  return sealBlock(fake.committee, fields, (root) => fake.sign(author, root))
}
