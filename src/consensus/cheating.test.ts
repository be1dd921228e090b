import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, FakeNetwork, four, made, network } from '../../test/fake/committee-network.ts'
import { type Random, seededRandom } from '../core/random.ts'
import { genesisBlocks } from './genesis.ts'
import { defaultParameters } from './parameters.ts'
import { blockOf, blocksInMemory, missingBlocks, statusOf } from './queries.ts'
import type { BlockRef, ConsensusEffect, SignedBlock } from './types.ts'
import { verifyBlock } from './verify-block.ts'

const kinds = (effects: readonly ConsensusEffect[]): string[] => effects.map(({ type }) => type)
const genesis = genesisBlocks(four.committee)

/** Authority 3: makes blocks that keep every rule by themselves, on top of whatever it likes. */
class Forger {
  readonly #random: Random
  readonly #own: BlockRef[] = [genesis[3]!.ref]

  constructor(random: Random) {
    this.#random = random
  }

  /** A block on top of what this validator knows; undefined when it would be refused at the door. */
  forge({ state }: FakeValidator): SignedBlock | undefined {
    const round = Math.max(1, state.clock.round - this.#random.int(4))
    const known = [...blocksInMemory(state)].map(({ block }) => block.ref)
    const older = (author: number): BlockRef[] => known.filter((ref) => ref.author === author && ref.round < round)
    const others = [0, 1, 2].flatMap((author) => this.#choose(older(author), round))
    const own = this.#own.filter((ref) => ref.round < round)
    const ancestors = [own[this.#random.int(own.length)]!, ...others]
    const block = made(four, 3, [], { round, ancestors, timestampMs: this.#random.int(1e9) })
    if (verifyBlock(four.committee, defaultParameters, block) !== undefined) return undefined
    this.#own.push(block.ref)
    return block
  }

  /** Mostly the newest, at times an old one, none, or one that nobody has. */
  #choose(refs: readonly BlockRef[], round: number): readonly BlockRef[] {
    const dice = this.#random.int(20)
    const newest = refs.at(-1)
    if (dice === 0 || newest === undefined) return []
    if (dice === 1) return [refs[this.#random.int(refs.length)]!]
    if (dice === 2) return [{ ...newest, round: round - 1, digest: this.#random.bytes(32).toString('hex') }]
    return [newest]
  }
}

describe('peers that cheat', () => {
  it('are shown to have two blocks in a slot, once', () => {
    const validator = new FakeValidator(four, 0)
    validator.begin()
    const siblings = [1, 2, 3].map((timestampMs) => made(four, 1, genesis, { timestampMs }))
    const effects = validator.step({ type: 'blocks', from: 1, blocks: siblings }, 1)
    assert.deepEqual(
      effects.filter(({ type }) => type === 'evidence'),
      [{ type: 'evidence', slot: { round: 1, author: 1 }, first: siblings[0]!.ref, second: siblings[1]!.ref }],
    )
    assert.equal(statusOf(validator.state).equivocations, 1)
  })

  it('are refused and counted when they flood', () => {
    const validator = new FakeValidator(four, 0)
    validator.begin()
    const siblings = Array.from({ length: 12 }, (_, timestampMs) => made(four, 1, genesis, { timestampMs }))
    const effects = validator.step({ type: 'blocks', from: 2, blocks: siblings }, 1)
    assert.equal(effects.filter(({ type }) => type === 'refused').length, 4)
    assert.deepEqual(statusOf(validator.state).refused, [{ from: 2, reason: 'tooManySiblings', count: 4 }])
  })

  it('are asked for the ancestors of their blocks, once', () => {
    const validator = new FakeValidator(four, 0)
    validator.begin()
    const below = [1, 2, 3].map((author) => made(four, author, genesis))
    const above = [1, 2].map((author) => made(four, author, below))
    const first = validator.step({ type: 'blocks', from: 1, blocks: [above[0]!] }, 1)
    assert.deepEqual(
      first.filter(({ type }) => type === 'fetch'),
      [{ type: 'fetch', from: 1, refs: below.map(({ ref }) => ref) }],
    )
    assert.deepEqual(kinds(validator.step({ type: 'blocks', from: 2, blocks: [above[1]!] }, 2)), [])
    assert.deepEqual(
      missingBlocks(validator.state),
      below.map(({ ref }) => ref),
    )
    validator.step({ type: 'blocks', from: 2, blocks: [...above, ...below] }, 3)
    assert.deepEqual([missingBlocks(validator.state).length, statusOf(validator.state).suspendedBlocks], [0, 0])
    assert.deepEqual(blockOf(validator.state, above[1]!.ref), above[1])
  })

  it('are not asked for ancestors that they sent along', () => {
    const validator = new FakeValidator(four, 0)
    validator.begin()
    const below = [1, 2, 3].map((author) => made(four, author, genesis))
    const above = [1, 2].map((author) => made(four, author, below))
    const effects = validator.step({ type: 'blocks', from: 1, blocks: [...above, ...below] }, 1)
    assert.ok(!kinds(effects).includes('fetch'))
  })

  it('fill nothing with blocks far above the clock, unless a quorum says that we lag', () => {
    const validator = new FakeValidator(four, 0)
    validator.begin()
    const ref = (round: number, author: number) => ({ round, author, digest: 'ee'.repeat(32) })
    const far = (round: number) => made(four, 3, [], { round, ancestors: [3, 0, 1, 2].map((at) => ref(round - 1, at)) })
    const effects = validator.step({ type: 'blocks', from: 3, blocks: [far(4_000_000_000), far(122)] }, 1)
    assert.deepEqual(kinds(effects), ['refused', 'refused'])
    assert.deepEqual(statusOf(validator.state).refused, [{ from: 3, reason: 'roundTooHigh', count: 2 }])
    assert.deepEqual(missingBlocks(validator.state), [])
    validator.step({ type: 'blocks', from: 3, blocks: [far(121)] }, 1)
    assert.equal(statusOf(validator.state).suspendedBlocks, 1)
    const commitVotes = [{ index: 50, digest: 'aa'.repeat(32) }]
    const votes = [1, 2, 3].map((author) => made(four, author, genesis, { commitVotes, timestampMs: 9 }))
    validator.step({ type: 'blocks', from: 1, blocks: [...votes, far(160)] }, 1)
    assert.equal(statusOf(validator.state).suspendedBlocks, 2)
  })

  it('do not split the committee by equivocating', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const net = network(seed, { gcDepth: 20 })
        // Authority 3 is two validators with one key.
        const twin = new FakeValidator(four, 3, { gcDepth: 20 })
        twin.pool.push(Buffer.from('another story'))
        const both = new FakeNetwork([...net.validators, twin], seed)
        both.begin()
        both.runUntil(() => net.validators.slice(0, 3).every(({ state }) => state.clock.round > 40))
        assertOneSequence(net.validators.slice(0, 3))
        assert.ok(net.validators[0]!.delivered.length > 20)
        assert.ok(statusOf(net.validators[0]!.state).equivocations > 0)
      }),
      { numRuns: 10 },
    )
  })

  it('do not stop or split the committee, nor break it, whatever valid blocks they make up', () => {
    let taken = 0
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed)
        const honest = [0, 1, 2].map((own) => new FakeValidator(four, own, { gcDepth: 20, commitsPerSchedule: 20 }))
        const net = new FakeNetwork(honest, seed)
        const forger = new Forger(random)
        net.begin()
        for (let round = 1; round <= 60; round++) {
          net.runUntil(() => honest.every(({ state }) => state.clock.round > round))
          for (let at = 0; at < 6; at++) {
            const block = forger.forge(honest[random.int(3)]!)
            if (block === undefined) continue
            for (const to of honest) if (random.int(3) > 0) net.happen(to, { type: 'blocks', from: 3, blocks: [block] })
          }
        }
        assertOneSequence(honest)
        const { lastCommitRound, equivocations, dagBlocks, suspendedBlocks } = statusOf(honest[0]!.state)
        assert.ok(lastCommitRound > 40, `${lastCommitRound}`)
        assert.ok(dagBlocks < 20 * 4 * 8 && suspendedBlocks < 500)
        taken += equivocations
      }),
      { numRuns: 15 },
    )
    assert.ok(taken > 0, 'some of it was taken')
  })
})
