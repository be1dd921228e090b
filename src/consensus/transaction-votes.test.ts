import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator, fakeCommittee } from '../../test/fake/committee.ts'
import { assertOneSequence, FakeNetwork, runRounds } from '../../test/fake/committee-network.ts'
import { step } from './consensus.ts'
import { blocksOfAuthor, statusOf } from './queries.ts'
import type { CommittedSubDag, SignedBlock } from './types.ts'
import { verifyBlock } from './verify-block.ts'

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

  it('are cast once, within the limits that peers enforce, and not again after a restart', () => {
    // The default depth: nothing is collected, so everything that was ever judged is still in memory.
    const changed = { transactionVoting: true, maxTransactionsPerBlock: 2 }
    const all = fakeCommittee([1, 1, 1, 1])
    const judge = ({ block }: SignedBlock): number[] => [...block.transactions].map((_, at) => at)
    const validators = [0, 1, 2, 3].map((own) => new FakeValidator(all, own, changed, judge))
    for (const { pool } of validators) pool.push(...Array.from({ length: 200 }, (_, at) => Buffer.from(`bad ${at}`)))
    const net = new FakeNetwork(validators, 8, 1)
    net.begin()
    // The first is cut off, and then links tens of blocks at once.
    runRounds(net, 10)
    net.down.add(validators[0]!)
    runRounds(net, 40)
    net.down.delete(validators[0]!)
    const missed = validators.slice(1).flatMap(({ state, own }) => blocksOfAuthor(state, own, 0))
    net.happen(validators[0]!, { type: 'blocks', from: 1, blocks: missed })
    runRounds(net, 50)
    for (const validator of validators) {
      validator.state = validator.recovered()
      net.happen(validator, { type: 'start' })
      net.happen(validator, { type: 'subscribers', count: 3 })
    }
    runRounds(net, 60)
    for (const validator of validators) {
      const own = validator.log.flatMap((record) => (record.type === 'block' && record.own ? record.block : []))
      for (const block of own) assert.equal(verifyBlock(all.committee, validator.seams.parameters, block), undefined)
      const voted = own.flatMap(({ block }) => block.transactionVotes.map((vote) => vote.block.digest))
      assert.equal(new Set(voted).size, voted.length, 'no block is voted on twice')
      assert.ok(voted.length > 30, `${voted.length}`)
    }
  })
})
