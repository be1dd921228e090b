import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type FakeCommittee, FakeNetwork, FakeValidator, fakeCommittee } from '../../test/fake/committee.ts'
import { afterPendingInput } from '../core/clock.ts'
import { type BlockFields, sealBlock } from './block-codec.ts'
import { type ConsensusState, step } from './consensus.ts'
import { genesisBlocks } from './genesis.ts'
import type { ConsensusParameters } from './parameters.ts'
import {
  blockOf,
  blocksInMemory,
  blocksOfAuthor,
  highestAcceptedRounds,
  leadersOf,
  missingBlocks,
  ownLastBlock,
  reputationOf,
  statusOf,
} from './queries.ts'
import type { CertifiedCommit, CommittedSubDag, ConsensusEffect, LogRecord, SignedBlock } from './types.ts'
import { certifyCommit } from './verify-commits.ts'

const four = fakeCommittee([1, 1, 1, 1])

function network(seed: number, parameters: Partial<ConsensusParameters> = {}, fake: FakeCommittee = four, window = 20) {
  const validators = fake.committee.authorities.map((_, own) => new FakeValidator(fake, own, parameters))
  return new FakeNetwork(validators, seed, window)
}

function runRounds(net: FakeNetwork, rounds: number): void {
  net.runUntil(() => net.validators.every((each) => net.down.has(each) || each.state.clock.round > rounds))
}

/** Every pair's sequences are prefixes of one another. */
function assertOneSequence(validators: readonly FakeValidator[]): void {
  const sequences = validators.map(({ sequence }) => sequence)
  const longest = sequences.reduce((a, b) => (b.length > a.length ? b : a))
  for (const sequence of sequences) assert.deepEqual(sequence, longest.slice(0, sequence.length))
  assert.equal(new Set(longest).size, longest.length, 'nothing is ordered twice')
}

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

const kinds = (effects: readonly ConsensusEffect[]): string[] => effects.map(({ type }) => type)
const sentIn = (effects: readonly ConsensusEffect[]): SignedBlock[] =>
  effects.flatMap((effect) => (effect.type === 'broadcast' ? effect.block : []))

/** A block by hand. */
function made(fake: FakeCommittee, author: number, below: readonly SignedBlock[], more: Partial<BlockFields> = {}) {
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

const genesis = genesisBlocks(four.committee)

describe('a committee', () => {
  it('orders the same blocks everywhere, whatever the order of messages', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1, 2, 3), (seed, leadersPerRound) => {
        const net = network(seed, { leadersPerRound, commitsPerSchedule: 20, gcDepth: 20 })
        net.begin()
        runRounds(net, 80)
        assertOneSequence(net.validators)
        for (const { delivered } of net.validators) assert.ok(delivered.length > 50, `${delivered.length}`)
      }),
      { numRuns: 20 },
    )
  })

  it('goes on with one validator down, skipping its leaders', () => {
    const net = network(1)
    net.down.add(net.validators[3]!)
    net.begin()
    runRounds(net, 60)
    assertOneSequence(net.validators)
    const { leaders, lastCommit } = statusOf(net.validators[0]!.state)
    assert.ok(leaders.skippedDirect > 5 && lastCommit.index > 30, JSON.stringify(leaders))
  })

  it('halts with two down and goes on when one is back', () => {
    const net = network(2)
    net.begin()
    runRounds(net, 20)
    net.down.add(net.validators[2]!).add(net.validators[3]!)
    for (let at = 0; at < 2000; at++) net.deliverOne()
    const halted = net.validators[0]!.delivered.length
    assert.throws(() => net.runUntil(() => net.validators[0]!.state.clock.round > 60, 2000))
    assert.equal(net.validators[0]!.delivered.length, halted)
    net.down.delete(net.validators[2]!)
    // A stream sends what was missed.
    const missed = blocksOfAuthor(net.validators[0]!.state, 0, 0)
    net.happen(net.validators[2]!, { type: 'blocks', from: 0, blocks: missed })
    net.happen(net.validators[2]!, { type: 'blocks', from: 1, blocks: blocksOfAuthor(net.validators[1]!.state, 1, 0) })
    net.happen(net.validators[0]!, { type: 'blocks', from: 2, blocks: blocksOfAuthor(net.validators[2]!.state, 2, 0) })
    net.happen(net.validators[1]!, { type: 'blocks', from: 2, blocks: blocksOfAuthor(net.validators[2]!.state, 2, 0) })
    runRounds(net, 60)
    assertOneSequence(net.validators)
    assert.ok(net.validators[0]!.delivered.length > halted + 20)
  })

  it('orders every transaction once', () => {
    const net = network(3)
    const texts = Array.from({ length: 200 }, (_, at) => `transaction ${at}`)
    for (const [at, text] of texts.entries()) net.validators[at % 4]!.pool.push(Buffer.from(text))
    net.begin()
    runRounds(net, 30)
    const ordered = net.validators[0]!.delivered.flatMap(({ blocks }) =>
      blocks.flatMap(({ block }) => [...block.transactions].map((bytes) => Buffer.from(bytes).toString())),
    )
    assert.deepEqual(ordered.sort(), texts.sort())
  })

  it('weighs votes by stake', () => {
    const heavy = fakeCommittee([4, 1, 1, 1])
    const net = network(4, {}, heavy)
    net.down.add(net.validators[1]!).add(net.validators[2]!)
    net.begin()
    runRounds(net, 30)
    assertOneSequence(net.validators)
    assert.ok(net.validators[0]!.delivered.length > 10)
  })

  it('works with one validator alone', () => {
    const alone = fakeCommittee([1])
    const net = network(5, {}, alone)
    net.begin()
    runRounds(net, 20)
    assert.ok(net.validators[0]!.delivered.length >= 17)
  })
})

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

/** The log of a validator as the committee's proof for others. */
function certified(validator: FakeValidator, after = 0): CertifiedCommit[] {
  return validator.log.flatMap((record) => {
    if (record.type !== 'commit' || record.sealed.ref.index <= after) return []
    const blocks = record.sealed.commit.blocks.map((ref) => validator.find(ref)!)
    return certifyCommit(record.sealed, blocks)!
  })
}

describe('catching up by certified commits', () => {
  const parameters = { gcDepth: 10, commitsPerSchedule: 25 }

  it('gives the same sequence, scores and schedule far beyond the collected rounds', () => {
    const net = network(10, parameters)
    net.begin()
    runRounds(net, 120)
    const ahead = net.validators[1]!
    const late = new FakeValidator(four, 0, parameters)
    late.step({ type: 'start' }, 0)
    for (const commit of certified(ahead)) late.step({ type: 'certifiedCommits', commits: [commit] }, 0)
    assert.deepEqual(late.sequence, ahead.sequence)
    assert.deepEqual(statusOf(late.state).lastCommit, statusOf(ahead.state).lastCommit)
    assert.deepEqual(reputationOf(late.state), reputationOf(ahead.state))
    assert.deepEqual(leadersOf(late.state, 500), leadersOf(ahead.state, 500))
    assert.ok(statusOf(late.state).dagBlocks < 100)
  })

  it('goes on by the normal rule afterwards', () => {
    const net = network(11, parameters)
    const late = net.validators[0]!
    net.down.add(late)
    net.begin()
    runRounds(net, 100)
    net.down.delete(late)
    net.happen(late, { type: 'certifiedCommits', commits: certified(net.validators[1]!) })
    for (const peer of net.validators.slice(1)) {
      net.happen(late, {
        type: 'blocks',
        from: peer.own,
        blocks: [...blocksInMemory(peer.state)].map(({ block }) => block),
      })
    }
    net.runUntil(() => net.validators.every(({ state }) => state.clock.round > 140))
    assertOneSequence(net.validators)
    assert.ok(statusOf(late.state).lastCommitRound > 130)
    assert.ok(late.log.some((record) => record.type === 'block' && record.own && record.block.ref.round > 100))
  })

  it('passes over commits it has and takes live blocks that wait for collected ones', () => {
    const net = network(12, parameters)
    const late = net.validators[0]!
    net.begin()
    runRounds(net, 10)
    net.down.add(late)
    runRounds(net, 60)
    const peer = net.validators[1]!
    const live = blocksOfAuthor(peer.state, 1, 55)
    late.step({ type: 'blocks', from: 1, blocks: live }, 0)
    assert.ok(statusOf(late.state).suspendedBlocks > 0)
    late.step({ type: 'certifiedCommits', commits: certified(peer) }, 0)
    assert.deepEqual(late.sequence, peer.sequence)
  })

  it('takes blocks whose missing ancestors fell behind the collected round, and says what was collected', () => {
    const net = network(15, parameters)
    net.begin()
    runRounds(net, 60)
    const peer = net.validators[1]!
    const top = statusOf(peer.state).lastCommitRound
    const below = [...blocksInMemory(peer.state)].flatMap(({ block, committed }) =>
      committed && block.ref.round === top - 1 && block.ref.author !== 3 ? block : [],
    )
    const unknown = { round: top - 20, author: 3, digest: 'ee'.repeat(32) }
    const child = made(four, 2, below, { ancestors: [...below.map(({ ref }) => ref), unknown] })
    const late = new FakeValidator(four, 0, parameters)
    late.step({ type: 'start' }, 0)
    late.step({ type: 'blocks', from: 2, blocks: [child] }, 0)
    assert.equal(statusOf(late.state).suspendedBlocks, 1)
    const effects = late.step({ type: 'certifiedCommits', commits: certified(peer) }, 0)
    const collected = effects.flatMap((effect) => (effect.type === 'collected' ? effect.gcRound : []))
    assert.deepEqual(blockOf(late.state, child.ref), child)
    assert.equal(collected.at(-1), statusOf(late.state).gcRound)
    assert.equal(collected.at(-1), top - 10)
    assert.ok(late.log.some((record) => record.type === 'block' && record.block.ref.digest === child.ref.digest))
  })

  it('throws when a quorum voted for something else than the protocol gives', () => {
    const net = network(13)
    net.begin()
    runRounds(net, 20)
    const [first] = certified(net.validators[0]!)
    const forged = { ...first!, sealed: { ...first!.sealed, ref: { ...first!.sealed.ref, digest: 'ff'.repeat(32) } } }
    const late = new FakeValidator(four, 0)
    assert.throws(() => late.step({ type: 'certifiedCommits', commits: [forged] }), { code: 'INVARIANT_BROKEN' })
    const gap = certified(net.validators[0]!).slice(3)
    const other = new FakeValidator(four, 0)
    assert.throws(() => other.step({ type: 'certifiedCommits', commits: gap }), { code: 'INVARIANT_BROKEN' })
  })

  it('reads live blocks only for their votes while far behind', () => {
    const net = network(14, { maxCommitLag: 5 })
    net.begin()
    runRounds(net, 40)
    const late = new FakeValidator(four, 0, { maxCommitLag: 5 })
    late.step({ type: 'start' }, 0)
    for (const peer of net.validators.slice(1)) {
      late.step({ type: 'blocks', from: peer.own, blocks: blocksOfAuthor(peer.state, peer.own, 30) }, 0)
    }
    const { quorumCommitIndex, suspendedBlocks, lastCommit } = statusOf(late.state)
    assert.ok(quorumCommitIndex > 25, `${quorumCommitIndex}`)
    assert.equal(lastCommit.index, 0)
    const before = suspendedBlocks
    late.step({ type: 'blocks', from: 1, blocks: blocksOfAuthor(net.validators[1]!.state, 2, 30) }, 0)
    assert.equal(statusOf(late.state).suspendedBlocks, before)
  })
})

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
          const { suspendedBlocks, missingBlocks: missed, ...expected } = essence(validator!.state).status
          const { suspendedBlocks: none, missingBlocks: noneMissed, ...got } = essence(state).status
          assert.deepEqual(got, expected)
          assert.deepEqual([none, noneMissed], [0, 0])
          const rest = ({ status, ...others }: ReturnType<typeof essence>) => others
          assert.deepEqual(rest(essence(state)), rest(essence(validator!.state)))
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

describe('transaction votes', () => {
  const parameters = { transactionVoting: true, gcDepth: 20, commitsPerSchedule: 15 }

  /** Seven validators; those in `critics` reject every transaction that begins with "bad". */
  function judged(critics: readonly number[], seed: number) {
    const seven = fakeCommittee(new Array<number>(7).fill(1))
    const judge = ({ block }: SignedBlock): number[] =>
      [...block.transactions].flatMap((bytes, at) => (Buffer.from(bytes).toString().startsWith('bad') ? at : []))
    const validators = Array.from(
      { length: 7 },
      (_, own) => new FakeValidator(seven, own, parameters, critics.includes(own) ? judge : undefined),
    )
    validators[0]!.pool.push(...['good 1', 'bad 1', 'good 2', 'bad 2'].map((text) => Buffer.from(text)))
    const net = new FakeNetwork(validators, seed, 1)
    net.begin()
    runRounds(net, 50)
    return validators
  }

  const rejectedBy = (validator: FakeValidator): string[] =>
    validator.delivered.flatMap(({ blocks, rejectedTransactions }) =>
      rejectedTransactions.flatMap(({ block, rejects }) => {
        const { transactions } = blocks.find(({ ref }) => ref.digest === block.digest)!.block
        return rejects.map((at) => Buffer.from(transactions.at(at)).toString())
      }),
    )

  it('reject what five of seven reject, everywhere alike', () => {
    for (const seed of [1, 2, 3]) {
      const validators = judged([1, 2, 3, 4, 5], seed)
      for (const validator of validators) assert.deepEqual(rejectedBy(validator), ['bad 1', 'bad 2'])
      assertOneSequence(validators)
    }
  })

  it('hand out a commit once a leader three rounds higher is committed', () => {
    for (const { delivered, state } of judged([], 5)) {
      const last = delivered.at(-1)!.leader.round
      assert.equal(last, statusOf(state).lastCommitRound - 3)
    }
  })

  it('do not reject what four of seven reject', () => {
    for (const validator of judged([1, 2, 3, 4], 1)) assert.deepEqual(rejectedBy(validator), [])
  })

  it('survive a crash between a commit and its last vote', () => {
    const validators = judged([1, 2, 3, 4, 5], 4)
    const [validator] = validators
    for (const length of [20, 60, 150, 200, 250, 300, 333]) {
      const log = validator!.log.slice(0, length)
      const { lastDeliveredIndex } = statusOf(validator!.recovered(log))
      // Whatever was not handed out before the crash comes when the rest of the log is lived through.
      const state = validator!.recovered(log)
      const again: CommittedSubDag[] = []
      for (const record of validator!.log.slice(length)) {
        if (record.type !== 'block') continue
        const effects = step(state, { type: 'blocks', from: 1, blocks: [record.block] }, 0)
        again.push(...effects.flatMap((effect) => (effect.type === 'deliver' ? effect.subDag : [])))
      }
      const expected = validator!.delivered.slice(lastDeliveredIndex)
      assert.deepEqual(again.slice(0, expected.length), expected)
      assert.ok(expected.length > 5)
    }
  })
})

/** Collects garbage now. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

describe('a long run', () => {
  it('keeps no block that is collected', async () => {
    const net = network(31, { gcDepth: 20, commitsPerSchedule: 10_000 }, { ...four, sign: () => new Uint8Array(64) }, 1)
    const seen: WeakRef<SignedBlock>[] = []
    for (const validator of net.validators) {
      validator.log.push = (...records: LogRecord[]) => {
        for (const record of records) if (record.type === 'block') seen.push(new WeakRef(record.block))
        return 0
      }
      validator.delivered.push = () => 0
      validator.effects.push = () => 0
      validator.forgetBlocks()
    }
    net.begin()
    runRounds(net, 500)
    // A WeakRef keeps its target until the job that made it is over.
    await afterPendingInput()
    collectGarbage()
    const alive = new Set(seen.flatMap((each) => each.deref()?.ref.digest ?? []))
    assert.ok(seen.length > 7000, `${seen.length}`)
    assert.ok(alive.size < 4 * 50, `${alive.size} blocks are alive`)
    assert.ok(alive.size >= 4 * 20)
  })

  it('keeps its memory flat over 20,000 rounds', () => {
    const net = network(30, { gcDepth: 60 }, { ...four, sign: () => new Uint8Array(64) }, 1)
    for (const validator of net.validators) {
      // The harness' own memory must not grow either.
      validator.log.push = () => 0
      validator.delivered.push = () => 0
      validator.effects.push = () => 0
    }
    net.begin()
    const sizes: number[] = []
    for (let rounds = 1000; rounds <= 20_000; rounds += 1000) {
      runRounds(net, rounds)
      for (const { state } of net.validators) sizes.push(statusOf(state).dagBlocks)
    }
    assert.ok(Math.max(...sizes) <= 4 * 70, `${sizes}`)
    const { lastCommit, suspendedBlocks, missingBlocks: missed } = statusOf(net.validators[0]!.state)
    assert.ok(lastCommit.index > 19_900)
    assert.deepEqual([suspendedBlocks, missed], [0, 0])
  })
})
