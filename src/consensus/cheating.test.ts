import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, FakeNetwork, four, made, network } from '../../test/fake/committee-network.ts'
import { genesisBlocks } from './genesis.ts'
import { blockOf, missingBlocks, statusOf } from './queries.ts'
import type { ConsensusEffect } from './types.ts'

const kinds = (effects: readonly ConsensusEffect[]): string[] => effects.map(({ type }) => type)
const genesis = genesisBlocks(four.committee)

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
})
