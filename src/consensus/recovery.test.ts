import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FakeValidator } from '../../test/fake/committee.ts'
import { assertOneSequence, four, network, runRounds } from '../../test/fake/committee-network.ts'
import { type ConsensusState, step } from './consensus.ts'
import {
  blocksInMemory,
  blocksOfAuthor,
  highestAcceptedRounds,
  leadersOf,
  ownLastBlock,
  reputationOf,
  statusOf,
} from './queries.ts'
import type { ConsensusEffect, LogRecord, SignedBlock } from './types.ts'

const sentIn = (effects: readonly ConsensusEffect[]): SignedBlock[] =>
  effects.flatMap((effect) => (effect.type === 'broadcast' ? effect.block : []))

/** What must be the same before a crash and after. */
function essence(state: ConsensusState) {
  const { refused, equivocations, leaders, lastDeliveredIndex, retention, quorumCommitIndex, notProposing, ...status } =
    statusOf(state)
  return {
    status,
    dag: [...blocksInMemory(state)].map(({ block, committed }) => `${block.ref.digest} ${committed}`).sort(),
    scores: reputationOf(state),
    leaders: Array.from({ length: 40 }, (_, at) => leadersOf(state, status.round + at)),
    own: ownLastBlock(state)?.ref,
  }
}

describe('recovery', () => {
  const parameters = { gcDepth: 10, commitsPerSchedule: 25 }

  it('gives the state that wrote the log, at any moment', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 2500 }),
        fc.constantFrom(1, 2),
        (seed, messages, leadersPerRound) => {
          const net = network(seed, { ...parameters, leadersPerRound })
          net.begin()
          for (let at = 0; at < messages; at++) net.deliverOne()
          const [validator] = net.validators
          const state = validator!.recovered()
          const { suspendedBlocks, suspendedBytes, missingBlocks, ...expected } = essence(validator!.state).status
          const {
            suspendedBlocks: none,
            suspendedBytes: noBytes,
            missingBlocks: noneMissed,
            ...got
          } = essence(state).status
          assert.deepEqual(got, expected)
          assert.deepEqual([none, noBytes, noneMissed], [0, 0, 0])
          const rest = ({ status, ...others }: ReturnType<typeof essence>) => others
          assert.deepEqual(rest(essence(state)), rest(essence(validator!.state)))
          assert.deepEqual(state.certificates.head, validator!.state.certificates.head)
          assert.equal(statusOf(state).lastDeliveredIndex, statusOf(validator!.state).lastDeliveredIndex)
        },
      ),
      { numRuns: 40 },
    )
  })

  /** The log without what retention lets drop. */
  function trimmed(validator: FakeValidator): LogRecord[] {
    const { round, commitIndex } = statusOf(validator.state).retention
    return validator.log.filter((record) => {
      if (record.type === 'block') return record.block.ref.round > round
      if (record.type === 'commit') return record.sealed.ref.index >= commitIndex
      return record.type === 'checkpoint' && record.checkpoint.sealed.ref.index >= commitIndex
    })
  }

  it('needs no more of the log than retention says', () => {
    const net = network(20, parameters)
    net.begin()
    runRounds(net, 150)
    for (const validator of net.validators) {
      const log = trimmed(validator)
      assert.ok(log.length < validator.log.length / 2, `${log.length} of ${validator.log.length}`)
      assert.deepEqual(essence(validator.recovered(log)).dag, essence(validator.state).dag)
      assert.deepEqual(reputationOf(validator.recovered(log)), reputationOf(validator.state))
    }
  })

  it('continues where it was: in the middle of a round and after a full one', () => {
    for (const messages of [7, 60, 61, 62, 63, 200, 333, 1200]) {
      const net = network(messages, parameters)
      net.begin()
      for (let at = 0; at < messages; at++) net.deliverOne()
      for (const validator of net.validators) {
        validator.state = validator.recovered()
        const effects = step(validator.state, { type: 'start' }, net.nowMs)
        for (const block of sentIn(effects)) {
          for (const to of net.validators)
            if (to !== validator) net.happen(to, { type: 'blocks', from: validator.own, blocks: [block] })
        }
        net.happen(validator, { type: 'subscribers', count: 3 })
      }
      const before = net.validators[0]!.state.clock.round
      net.runUntil(() => net.validators.every(({ state }) => state.clock.round > before + 20))
      assertOneSequence(net.validators)
      for (const { log, own } of net.validators) {
        const mine = log.flatMap((record) =>
          record.type === 'block' && record.block.ref.author === own ? record.block.ref.round : [],
        )
        assert.equal(new Set(mine).size, mine.length, 'no round was proposed twice')
      }
    }
  })

  it('does not vote again for commits it has voted for', () => {
    const net = network(26, parameters)
    net.begin()
    runRounds(net, 60)
    const [validator] = net.validators
    validator!.state = validator!.recovered()
    net.happen(validator!, { type: 'subscribers', count: 3 })
    runRounds(net, 80)
    const own = validator!.log.flatMap((record) => (record.type === 'block' && record.own ? record.block.block : []))
    const voted = own.flatMap(({ commitVotes }) => commitVotes.map(({ index }) => index))
    assert.deepEqual(
      voted,
      voted.map((_, at) => at + 1),
    )
  })

  it('sends the own last block again', () => {
    const net = network(21)
    net.begin()
    runRounds(net, 5)
    const [validator] = net.validators
    const last = ownLastBlock(validator!.state)
    validator!.state = validator!.recovered()
    assert.deepEqual(sentIn(step(validator!.state, { type: 'start' }, 0)), [last])
  })

  it('does not forget that an empty disk has not heard of its own last round', () => {
    const net = network(22)
    net.begin()
    runRounds(net, 10)
    const lost = new FakeValidator(four, 0)
    lost.step({ type: 'start' }, 0)
    lost.step(
      { type: 'blocks', from: 1, blocks: [...blocksInMemory(net.validators[1]!.state)].map(({ block }) => block) },
      0,
    )
    assert.equal(statusOf(lost.recovered()).notProposing, 'ownLastRoundUnknown')
    lost.step({ type: 'ownLastRoundLearned', round: 30 }, 0)
    assert.equal(statusOf(lost.recovered()).notProposing, 'noSubscribers')
    assert.equal(statusOf(lost.recovered()).lastProposedRound, 30)
  })

  it('takes an own block in the log as proof that the own last round was known', () => {
    const net = network(25)
    net.begin()
    runRounds(net, 10)
    const [validator] = net.validators
    const log = validator!.log.filter(({ type }) => type !== 'ownRound')
    assert.equal(statusOf(validator!.recovered(log)).notProposing, 'noSubscribers')
  })

  it('throws when the log contradicts itself', () => {
    const net = network(23)
    net.begin()
    runRounds(net, 20)
    const [validator] = net.validators
    const { log } = validator!
    const commits = log.filter(({ type }) => type === 'commit')
    assert.throws(() => validator!.recovered(log.filter((record) => record !== commits[3])), {
      code: 'INVARIANT_BROKEN',
    })
  })

  it('keeps highest rounds, siblings and the blocks of an author at hand', () => {
    const net = network(24)
    net.begin()
    runRounds(net, 10)
    const state = net.validators[0]!.recovered()
    assert.deepEqual(highestAcceptedRounds(state), highestAcceptedRounds(net.validators[0]!.state))
    assert.deepEqual(
      blocksOfAuthor(state, 2, 5).map(({ ref }) => ref),
      blocksOfAuthor(net.validators[0]!.state, 2, 5).map(({ ref }) => ref),
    )
  })
})
