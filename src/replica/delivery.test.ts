import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CommittedSubDag, SignedBlock } from '../consensus/types.ts'
import { Delivery } from './delivery.ts'

function subDag(index: number, bytes = 10): CommittedSubDag {
  const ref = { round: index, author: 0, digest: `${index}` }
  return {
    commitRef: { index, digest: `${index}` },
    leader: ref,
    timestampMs: index,
    blocks: [{ bytes: Buffer.alloc(bytes) } as unknown as SignedBlock],
    rejectedTransactions: [],
    reputationScores: [],
  }
}

interface Limits {
  maxUnacknowledgedCommits?: number
  maxDeliveredBytes?: number
  cursorDigest?: string
}

function setUp(cursor: number, limits: Limits = {}) {
  const taken: { index: number; done: () => void }[] = []
  const read: number[] = []
  const pressure: boolean[] = []
  const failures: unknown[] = []
  const delivery = new Delivery({
    consumer: {
      cursor: () => cursor,
      cursorDigest: () => limits.cursorDigest,
      deliver: ({ commitRef }, done) => taken.push({ index: commitRef.index, done }),
    },
    digestOf: (index) => `${index}`,
    read: (index) => {
      read.push(index)
      return subDag(index)
    },
    maxUnacknowledgedCommits: limits.maxUnacknowledgedCommits ?? 100,
    maxDeliveredBytes: limits.maxDeliveredBytes ?? 25,
    onBackpressure: (on) => pressure.push(on),
    failed: (error) => failures.push((error as { code?: string }).code),
  })
  return { delivery, taken, read, pressure, failures, indices: () => taken.map(({ index }) => index) }
}

describe('delivery', () => {
  it('hands over in order what is new', () => {
    const { delivery, indices, read } = setUp(0)
    delivery.add(subDag(1))
    delivery.add(subDag(2))
    assert.deepEqual(indices(), [1, 2])
    assert.deepEqual(read, [])
  })

  it('begins after the cursor with what the log holds', () => {
    const { delivery, indices } = setUp(4)
    delivery.recovered(6)
    delivery.add(subDag(7))
    assert.deepEqual(indices(), [5, 6, 7])
  })

  it('passes over what the consumer has already, when the log was lost', () => {
    const { delivery, indices } = setUp(4)
    for (const index of [1, 2, 3, 4, 5]) delivery.add(subDag(index))
    assert.deepEqual(indices(), [5])
  })

  it('goes on where the consumer holds the same commit as the committee, and stops where it holds another', () => {
    for (const [cursorDigest, isSame] of [
      ['4', true],
      ['another', false],
    ] as const) {
      const log = setUp(4, { cursorDigest })
      log.delivery.recovered(6)
      log.delivery.recovered(7)
      const lost = setUp(4, { cursorDigest })
      lost.delivery.recovered(0)
      for (const index of [1, 2, 3]) lost.delivery.add(subDag(index))
      assert.deepEqual(lost.failures, [], 'nobody can tell yet')
      lost.delivery.add(subDag(4))
      if (isSame) lost.delivery.add(subDag(5))
      assert.deepEqual([log.indices(), lost.indices()], isSame ? [[5, 6, 7], [5]] : [[], []])
      const failure = 'CONSUMER_OF_ANOTHER_SEQUENCE'
      assert.deepEqual([log.failures[0], lost.failures[0]], isSame ? [undefined, undefined] : [failure, failure])
    }
  })

  it('leaves on the disk what does not fit, and reads it back when there is room', () => {
    const { delivery, taken, indices, read } = setUp(0)
    for (const index of [1, 2, 3, 4, 5]) delivery.add(subDag(index))
    assert.deepEqual(indices(), [1, 2, 3], 'the third begins below the limit of bytes')
    taken[0]!.done()
    assert.deepEqual([indices(), read], [[1, 2, 3, 4], [4]])
    assert.equal(delivery.backlog, 4)
    taken[3]!.done()
    assert.equal(delivery.acknowledged, 4)
    assert.deepEqual(indices(), [1, 2, 3, 4, 5])
  })

  it('takes an acknowledgement for all before it, in any order, any number of times', () => {
    const { delivery, taken } = setUp(0)
    for (const index of [1, 2, 3]) delivery.add(subDag(index))
    taken[2]!.done()
    taken[0]!.done()
    taken[2]!.done()
    assert.equal(delivery.acknowledged, 3)
    assert.equal(delivery.backlog, 0)
  })

  it('presses when the consumer falls behind, and lets go at half', () => {
    const { delivery, taken, pressure } = setUp(0, { maxUnacknowledgedCommits: 4, maxDeliveredBytes: 1000 })
    for (let index = 1; index <= 5; index++) delivery.add(subDag(index))
    assert.deepEqual(pressure, [true])
    taken[1]!.done()
    assert.deepEqual(pressure, [true])
    taken[2]!.done()
    assert.deepEqual(pressure, [true, false])
  })

  it('says so when the log does not reach back far enough', () => {
    const failures: unknown[] = []
    const delivery = new Delivery({
      consumer: { cursor: () => 0, deliver: () => assert.fail('there is nothing to deliver') },
      digestOf: () => undefined,
      read: () => undefined,
      maxUnacknowledgedCommits: 1,
      maxDeliveredBytes: 1,
      onBackpressure: () => {},
      failed: (error) => failures.push((error as { code?: string }).code),
    })
    delivery.recovered(3)
    assert.deepEqual(failures, ['HISTORY_GONE'])
  })

  it('never skips, repeats or exceeds its memory, however the consumer answers', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { maxLength: 200 }), fc.boolean(), (choices, prompt) => {
        const given: number[] = []
        const open: (() => void)[] = []
        const delivery = new Delivery({
          consumer: {
            cursor: () => 0,
            deliver: ({ commitRef }, done) => {
              given.push(commitRef.index)
              if (prompt) done()
              else open.push(done)
            },
          },
          digestOf: (index) => `${index}`,
          read: (index) => subDag(index),
          maxUnacknowledgedCommits: 10,
          maxDeliveredBytes: 35,
          onBackpressure: () => {},
          failed: (error) => assert.fail(error as Error),
        })
        let last = 0
        for (const choice of choices) {
          if (choice > 0) delivery.add(subDag(++last))
          else open.shift()?.()
          assert.ok(given.length - delivery.acknowledged <= 4)
        }
        while (open.length > 0) open.shift()!()
        assert.deepEqual(
          given,
          Array.from({ length: last }, (_, at) => at + 1),
        )
      }),
    )
  })
})
