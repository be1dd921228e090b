import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator } from '../../test/fake/committee.ts'
import { four, made, network, runRounds } from '../../test/fake/committee-network.ts'
import { genesisBlocks } from './genesis.ts'
import type { ConsensusParameters } from './parameters.ts'
import { blocksInMemory, statusOf } from './queries.ts'
import type { ConsensusEffect } from './types.ts'

const kinds = (effects: readonly ConsensusEffect[]): string[] => effects.map(({ type }) => type)
const genesis = genesisBlocks(four.committee)

describe('proposing', () => {
  /** A validator that has begun and made its block of round 1. */
  function begun(parameters: Partial<ConsensusParameters> = {}) {
    const validator = new FakeValidator(four, 0, { leaderElection: 'roundRobin', ...parameters })
    validator.begin(1000)
    return validator
  }
  const first = [1, 2, 3].map((author) => made(four, author, genesis))

  it('begins with round 1 on top of genesis', () => {
    const [block] = begun().sent
    assert.equal(block?.ref.round, 1)
    assert.deepEqual(
      block?.block.ancestors,
      genesis.map(({ ref }) => ref),
    )
  })

  it('waits for a quorum of the round below', () => {
    const validator = begun()
    validator.step({ type: 'blocks', from: 1, blocks: [first[0]!] }, 1001)
    validator.step({ type: 'timer', kind: 'leaderTimeout', round: 1 }, 1300)
    validator.step({ type: 'timer', kind: 'leaderTimeout', round: 2 }, 1300)
    assert.equal(validator.sent.length, 1)
    validator.step({ type: 'blocks', from: 2, blocks: [first[1]!] }, 1301)
    assert.equal(validator.sent[1]?.ref.round, 2)
  })

  it('waits for the leader of the round below until it times out', () => {
    const validator = begun()
    // Leader of round 1 is authority 1.
    const effects = validator.step({ type: 'blocks', from: 2, blocks: first.slice(1) }, 1001)
    assert.equal(validator.sent.length, 1)
    const timers = effects.filter(({ type }) => type === 'setTimer')
    assert.deepEqual(timers, [{ type: 'setTimer', kind: 'leaderTimeout', round: 2, afterMs: 200 }])
    validator.step({ type: 'timer', kind: 'minRoundDelay', round: 2 }, 1100)
    validator.step({ type: 'timer', kind: 'leaderTimeout', round: 1 }, 1100)
    assert.equal(validator.sent.length, 1)
    validator.step({ type: 'timer', kind: 'leaderTimeout', round: 2 }, 1201)
    assert.deepEqual(
      validator.sent[1]?.block.ancestors.map(({ author }) => author),
      [0, 2, 3],
    )
  })

  it('waits for the leader no longer once it has come', () => {
    const validator = begun()
    validator.step({ type: 'blocks', from: 2, blocks: first.slice(1) }, 1001)
    validator.step({ type: 'blocks', from: 1, blocks: first.slice(0, 1) }, 1002)
    assert.equal(validator.sent[1]?.block.ancestors.length, 4)
  })

  it('makes the block of a round that it leads even when a quorum was faster, so that nobody waits for it', () => {
    for (const [own, expected] of [
      [2, [1, 2]],
      [3, [1]],
    ] as const) {
      const validator = new FakeValidator(four, own, { leaderElection: 'roundRobin', minRoundDelayMs: 50 })
      validator.begin(1000)
      const [first, second] = quorumWithout(own)
      validator.step({ type: 'blocks', from: 0, blocks: first }, 1001)
      validator.step({ type: 'blocks', from: 0, blocks: second }, 1002)
      assert.equal(validator.state.clock.round, 3)
      // Authority 2 leads round 2, authority 3 does not.
      assert.deepEqual(
        validator.sent.map(({ ref }) => ref.round),
        expected,
      )
    }
  })

  function quorumWithout(own: number) {
    const others = [0, 1, 2, 3].filter((author) => author !== own)
    const below = others.map((author) => made(four, author, genesis))
    return [below, others.map((author) => made(four, author, below))] as const
  }

  it('keeps the shortest time between two blocks, without timing when the clock jumps back', () => {
    const validator = begun({ minRoundDelayMs: 50 })
    const effects = validator.step({ type: 'blocks', from: 1, blocks: first }, 1010)
    assert.deepEqual(
      effects.filter(({ type }) => type === 'setTimer'),
      [
        { type: 'setTimer', kind: 'minRoundDelay', round: 2, afterMs: 40 },
        { type: 'setTimer', kind: 'leaderTimeout', round: 2, afterMs: 200 },
      ],
    )
    assert.equal(validator.sent.length, 1)
    validator.step({ type: 'timer', kind: 'minRoundDelay', round: 2 }, 1050)
    assert.equal(validator.sent.length, 2)
    const other = begun({ minRoundDelayMs: 50 })
    other.step({ type: 'blocks', from: 1, blocks: first }, 500)
    assert.equal(other.sent[1]?.block.timestampMs, 1000)
  })

  it('believes the timer, not a wall clock of whole milliseconds, that the delay is over', () => {
    const validator = begun({ minRoundDelayMs: 50 })
    validator.step({ type: 'blocks', from: 1, blocks: first }, 1010)
    validator.step({ type: 'timer', kind: 'minRoundDelay', round: 1 }, 1049)
    assert.equal(validator.sent.length, 1)
    validator.step({ type: 'timer', kind: 'minRoundDelay', round: 2 }, 1049)
    assert.equal(validator.sent.length, 2)
  })

  it('does not let a leader time out before the next block may be made', () => {
    const validator = begun({ minRoundDelayMs: 500 })
    const effects = validator.step({ type: 'blocks', from: 1, blocks: first }, 1100)
    assert.deepEqual(
      effects.filter(({ type }) => type === 'setTimer'),
      [
        { type: 'setTimer', kind: 'minRoundDelay', round: 2, afterMs: 400 },
        { type: 'setTimer', kind: 'leaderTimeout', round: 2, afterMs: 400 },
      ],
    )
  })

  it('links the newest block of everybody once, and weak ones only if they are new', () => {
    const net = network(7, { leaderElection: 'roundRobin' })
    net.begin()
    runRounds(net, 50)
    for (const { log } of net.validators) {
      const own = log.flatMap((record) => (record.type === 'block' && record.own ? record.block : []))
      const seen = own.flatMap(({ block }) => block.ancestors.map(({ digest }) => digest))
      assert.equal(new Set(seen).size, seen.length)
      const below = own.map(({ block }) => block.ancestors[0]?.round)
      assert.deepEqual(below, [0, ...own.map(({ ref }) => ref.round)].slice(0, own.length))
    }
  })

  it('does nothing while nobody listens, the own last round is unknown, peers lag or the consumer is full', () => {
    const validator = new FakeValidator(four, 0)
    const why = (): string | undefined => statusOf(validator.state).notProposing
    validator.step({ type: 'start' }, 0)
    assert.equal(why(), 'ownLastRoundUnknown')
    validator.step({ type: 'ownLastRoundLearned', round: 0 }, 0)
    assert.equal(why(), 'noSubscribers')
    validator.step({ type: 'backpressure', on: true }, 0)
    validator.step({ type: 'propagationDelay', rounds: 6 }, 0)
    validator.step({ type: 'subscribers', count: 2 }, 0)
    assert.equal(why(), 'propagationDelay')
    validator.step({ type: 'propagationDelay', rounds: 5 }, 0)
    assert.equal(why(), 'backpressure')
    validator.step({ type: 'timer', kind: 'leaderTimeout', round: 1 }, 300)
    assert.equal(validator.sent.length, 0)
    validator.step({ type: 'backpressure', on: false }, 301)
    assert.equal(why(), undefined)
    assert.equal(validator.sent.length, 1)
  })

  it('never proposes at or below the round the committee remembers of it', () => {
    const net = network(8)
    net.begin()
    runRounds(net, 20)
    const before = net.validators[0]!
    const lost = new FakeValidator(four, 0)
    lost.step({ type: 'start' }, 0)
    lost.step({ type: 'subscribers', count: 3 }, 0)
    for (const peer of net.validators.slice(1)) {
      lost.step(
        { type: 'blocks', from: peer.own, blocks: [...blocksInMemory(peer.state)].map(({ block }) => block) },
        0,
      )
    }
    assert.equal(lost.sent.length, 0)
    const remembered = statusOf(before.state).lastProposedRound
    lost.step({ type: 'ownLastRoundLearned', round: remembered }, 0)
    for (let round = 1; round < 10; round++)
      lost.step({ type: 'timer', kind: 'leaderTimeout', round: remembered + 1 }, 0)
    assert.ok(lost.sent.every(({ ref }) => ref.round > remembered))
    assert.ok(statusOf(lost.state).lastProposedRound >= remembered)
  })

  it('persists before it sends and before it delivers', () => {
    const net = network(9)
    net.begin()
    const watched = net.validators[0]!
    const steps: string[][] = []
    const original = watched.step.bind(watched)
    watched.step = (event, nowMs) => {
      const effects = original(event, nowMs)
      steps.push(kinds(effects))
      return effects
    }
    runRounds(net, 20)
    for (const step of steps) {
      const first = step.findIndex((kind) => kind === 'broadcast' || kind === 'deliver')
      assert.ok(first === -1 || step.indexOf('persist') === 0, step.join())
    }
    assert.ok(steps.some((step) => step.includes('broadcast')))
  })

  it('refuses a source that gives more than it may', () => {
    const validator = new FakeValidator(four, 0, { maxTransactionBytesPerBlock: 10 })
    validator.pool.push(Buffer.alloc(11))
    assert.throws(() => validator.begin(), { code: 'INVARIANT_BROKEN' })
  })
})
