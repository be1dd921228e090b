import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FakeValidator, fakeCommittee } from '../../test/fake/committee.ts'
import { assertOneSequence, FakeNetwork, runRounds } from '../../test/fake/committee-network.ts'
import { step } from './consensus.ts'
import { statusOf } from './queries.ts'
import type { CommittedSubDag, SignedBlock } from './types.ts'

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
