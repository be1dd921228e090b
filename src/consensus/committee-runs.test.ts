import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { FakeValidator, fakeCommittee } from '../../test/fake/committee.ts'
import { assertOneSequence, four, made, network, runRounds } from '../../test/fake/committee-network.ts'
import { afterPendingInput } from '../core/clock.ts'
import { genesisBlocks } from './genesis.ts'
import { blocksOfAuthor, statusOf } from './queries.ts'
import type { LogRecord, SignedBlock } from './types.ts'

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

  it('gives the same sequence when all blocks come at once, across many schedules', () => {
    const parameters = { commitsPerSchedule: 5, gcDepth: 100 }
    const net = network(6, parameters)
    net.begin()
    runRounds(net, 20)
    net.down.add(net.validators[3]!)
    runRounds(net, 80)
    const [watched] = net.validators
    const blocks = watched!.log.flatMap((record) => (record.type === 'block' ? record.block : []))
    const late = new FakeValidator(four, 0, parameters)
    late.step({ type: 'blocks', from: 1, blocks })
    assert.deepEqual(late.sequence, watched!.sequence)
    assert.ok(late.delivered.length > 60)
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
    const unsigned = { ...four, sign: () => new Uint8Array(64) }
    const validator = new FakeValidator(unsigned, 0)
    // The harness' own memory must not grow either.
    for (const list of [validator.log, validator.delivered, validator.effects]) list.push = () => 0
    validator.forgetBlocks()
    validator.begin()
    let below: readonly SignedBlock[] = genesisBlocks(four.committee)
    for (let round = 1; round <= 20_000; round++) {
      const votes = { commitVotes: [statusOf(validator.state).lastCommit].filter(({ index }) => index > 0) }
      const others = [1, 2, 3].map((author) => made(unsigned, author, below, votes))
      below = [...validator.sent.splice(0), ...others]
      validator.step({ type: 'blocks', from: 1, blocks: others }, round)
      if (round % 100 === 0) assert.ok(statusOf(validator.state).dagBlocks <= 4 * 64, `round ${round}`)
    }
    const { lastCommit, suspendedBlocks, missingBlocks } = statusOf(validator.state)
    assert.ok(lastCommit.index > 19_990, `${lastCommit.index}`)
    assert.deepEqual([suspendedBlocks, missingBlocks], [0, 0])
  })
})
