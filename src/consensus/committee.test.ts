import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Authority, createCommittee } from './committee.ts'
import { StakeSum } from './stake-sum.ts'
import { ThresholdClock } from './threshold-clock.ts'

const member = (stake: number, more: Partial<Authority> = {}): Authority => {
  const key = new Uint8Array(32)
  return { name: 'v', stake, protocolKey: key, networkKey: key, address: '', ...more }
}

const committeeOf = (...stakes: number[]) =>
  createCommittee(
    0,
    stakes.map((stake) => member(stake)),
  )

describe('a committee', () => {
  it('has a quorum of 3 and a validity of 2 with four equal members', () => {
    const { quorum, validity, totalStake, size } = committeeOf(1, 1, 1, 1)
    assert.deepEqual({ quorum, validity, totalStake, size }, { quorum: 3, validity: 2, totalStake: 4, size: 4 })
  })

  it('needs 5 of 7', () => {
    assert.equal(committeeOf(1, 1, 1, 1, 1, 1, 1).quorum, 5)
  })

  it('has quorums that share more than a third of the stake, and a validity that a third cannot reach', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }), (stakes) => {
        const { quorum, validity, totalStake } = committeeOf(...stakes)
        const faulty = Math.ceil(totalStake / 3) - 1
        assert.ok(2 * quorum - totalStake > faulty, 'an honest member in every two quorums')
        assert.ok(quorum <= totalStake - faulty, 'the honest are a quorum')
        assert.ok(validity > faulty)
      }),
    )
  })

  it('refuses no members, no stake, odd keys and odd epochs', () => {
    const key = new Uint8Array(31)
    assert.throws(() => committeeOf(), { code: 'BAD_COMMITTEE' })
    for (const stake of [0, -1, 1.5, Number.NaN, 2 ** 41]) {
      assert.throws(() => committeeOf(1, stake), { code: 'BAD_COMMITTEE' })
    }
    assert.throws(() => createCommittee(0, [member(1, { protocolKey: key })]), { code: 'BAD_COMMITTEE' })
    assert.throws(() => createCommittee(0, [member(1, { networkKey: key })]), { code: 'BAD_COMMITTEE' })
    assert.throws(() => createCommittee(-1, [member(1)]), { code: 'BAD_COMMITTEE' })
  })

  it('has another domain for another epoch, stake or key', () => {
    const key = new Uint8Array(32).fill(1)
    const domains = [
      createCommittee(0, [member(1)]),
      createCommittee(1, [member(1)]),
      createCommittee(0, [member(2)]),
      createCommittee(0, [member(1, { protocolKey: key })]),
      createCommittee(0, [member(1, { networkKey: key })]),
    ].map(({ domain }) => Buffer.from(domain).toString('hex'))
    assert.equal(new Set(domains).size, 5)
  })

  it('gives strangers no stake', () => {
    assert.equal(committeeOf(1, 2).stake(1), 2)
    assert.equal(committeeOf(1, 2).stake(2), 0)
  })
})

describe('a sum of stake', () => {
  it('counts everybody once', () => {
    const sum = new StakeSum([1, 2, 4])
    assert.deepEqual([sum.add(2), sum.add(2), sum.add(0)], [4, 4, 5])
    assert.deepEqual([sum.has(0), sum.has(1)], [true, false])
    sum.clear()
    assert.equal(sum.total, 0)
  })
})

describe('the threshold clock', () => {
  it('moves on with a quorum of a round and jumps to higher ones', () => {
    const clock = new ThresholdClock([1, 1, 1, 1], 3, 0)
    const blocks = [
      [0, 0, 0],
      [0, 1, 0],
      [0, 2, 1],
      [1, 0, 1],
      [1, 3, 1],
      [2, 1, 2],
      [1, 1, 2],
      [5, 2, 5],
    ] as const
    for (const [round, author, after] of blocks) {
      clock.add(round, author)
      assert.equal(clock.round, after, `after block ${author} of round ${round}`)
    }
  })

  it('does not count an author twice', () => {
    const clock = new ThresholdClock([1, 1, 1, 1], 3, 1)
    assert.deepEqual(
      [0, 0, 0, 1, 1].map((author) => clock.add(1, author)),
      [false, false, false, false, false],
    )
    assert.equal(clock.add(1, 2), true)
    assert.equal(clock.round, 2)
  })

  it('never goes back, and stands one above a quorum or at the highest block', () => {
    const blocks = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(3)), { maxLength: 60 })
    fc.assert(
      fc.property(blocks, (added) => {
        const clock = new ThresholdClock([1, 1, 1, 1], 3, 1)
        let before = 1
        let highest = 0
        for (const [round, author] of added) {
          clock.add(round, author)
          highest = Math.max(highest, round)
          assert.ok(clock.round >= before && clock.round >= highest && clock.round <= highest + 1)
          before = clock.round
        }
      }),
    )
  })
})
