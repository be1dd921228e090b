import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sealBlock } from '../consensus/block-codec.ts'
import { createCommittee } from '../consensus/committee.ts'
import type { CommittedSubDag } from '../consensus/types.ts'
import { VirtualClock } from '../core/virtual-clock.ts'
import { Judge } from './judge.ts'

const committee = createCommittee(
  0,
  Array.from({ length: 4 }, (_, at) => {
    const key = new Uint8Array(32).fill(at + 1)
    return { name: `${at}`, stake: 1, protocolKey: key, networkKey: key, address: '' }
  }),
)

function subDag(index: number, author: number, transactions: Uint8Array[] = [], salt = 0): CommittedSubDag {
  const fields = { epoch: 0, round: index, author, timestampMs: salt, ancestors: [], transactions }
  const lists = { commitVotes: [], transactionVotes: [] }
  const block = sealBlock(committee, { ...fields, ...lists }, () => new Uint8Array(64))
  return {
    commitRef: { index, digest: block.ref.digest },
    leader: block.ref,
    timestampMs: 0,
    blocks: [block],
    rejectedTransactions: [],
    reputationScores: [],
  }
}

function court() {
  const clock = new VirtualClock()
  return { clock, judge: new Judge(clock, 4, 10) }
}

describe('the judge', () => {
  it('is content while every sequence is a prefix of the longest', () => {
    const { judge } = court()
    for (let index = 1; index <= 5; index++) judge.deliver(0, subDag(index, 0))
    for (let index = 1; index <= 3; index++) judge.deliver(1, subDag(index, 0))
    assert.deepEqual([judge.safety, judge.commits, judge.height(1)], ['ok', 5, 3])
  })

  it('sees two commits at one index', () => {
    const { judge } = court()
    judge.deliver(0, subDag(1, 0))
    judge.deliver(2, subDag(1, 0, [], 7))
    assert.match(judge.safety, /validator 2 delivered another commit at index 1/)
  })

  it('sees a gap', () => {
    const { judge } = court()
    judge.deliver(3, subDag(2, 0))
    assert.match(judge.safety, /validator 3 delivered commit 2 after 0/)
  })

  it('takes a repeated delivery after a restart, and a new beginning after a wipe', () => {
    const { judge } = court()
    for (const index of [1, 2, 2, 3]) judge.deliver(0, subDag(index, 0))
    judge.forget(0)
    for (const index of [1, 2]) judge.deliver(0, subDag(index, 0))
    assert.deepEqual([judge.safety, judge.height(0)], ['ok', 2])
    judge.forget(0)
    judge.deliver(0, subDag(1, 0, [], 9))
    assert.notEqual(judge.safety, 'ok')
  })

  it('follows each transaction from submission to delivery', () => {
    const { clock, judge } = court()
    const book = judge.transactions
    const [a, b, c] = [0, 0, 1].map((validator) => book.create(validator, 32))
    for (const { id } of [a!, b!]) book.acknowledged(id)
    clock.advance(40)
    judge.deliver(1, subDag(1, 0, [a!.bytes]))
    clock.advance(5)
    judge.deliver(0, subDag(1, 0, [a!.bytes]))
    assert.deepEqual(judge.latencies, [45])
    assert.deepEqual(
      book.counts(() => true),
      { submitted: 3, ordered: 1, doubled: 0, lost: 1 },
    )
    assert.equal(book.counts((validator) => validator !== 0).lost, 0)
    judge.deliver(0, subDag(2, 0, [a!.bytes, c!.bytes, new Uint8Array(3), new Uint8Array(40)]))
    assert.deepEqual(
      book.counts(() => true),
      { submitted: 3, ordered: 2, doubled: 1, lost: 1 },
    )
    assert.match(judge.safety, /ordered twice/)
  })

  it('measures a leader from its making, in one-way delays', () => {
    const { clock, judge } = court()
    const first = subDag(1, 0)
    judge.signed(first.leader.digest)
    clock.advance(30)
    judge.deliver(0, first)
    judge.deliver(1, first)
    assert.deepEqual(judge.messageDelays, [3, 3])
  })

  it('sums the longest sequence up in a digest that differs when the sequence does', () => {
    const [one, two, three] = [court().judge, court().judge, court().judge]
    one.deliver(0, subDag(1, 0))
    two.deliver(3, subDag(1, 0))
    three.deliver(0, subDag(1, 1))
    assert.equal(one.digest, two.digest)
    assert.notEqual(one.digest, three.digest)
    assert.match(one.digest, /^[0-9a-f]{64}$/)
  })
})
