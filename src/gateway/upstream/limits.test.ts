import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { upstreamOptions } from '../../../test/fake/gate.ts'
import { newAllowance, spend, waitFor } from './limits.ts'

const allowance = (maxRequestsPerSecond: number | undefined) =>
  newAllowance(upstreamOptions('a', { maxRequestsPerSecond }), 0)

describe('an allowance', () => {
  it('never ends when there is no limit', () => {
    const unlimited = allowance(undefined)
    for (let n = 0; n < 1000; n++) {
      assert.equal(waitFor(unlimited, 0), 0)
      spend(unlimited)
    }
  })

  it('holds one second of calls, then says how long to wait for the next', () => {
    const ten = allowance(10)
    for (let n = 0; n < 10; n++) {
      assert.equal(waitFor(ten, 0), 0)
      spend(ten)
    }
    assert.equal(waitFor(ten, 0), 100)
    assert.equal(waitFor(ten, 40), 60)
    assert.equal(waitFor(ten, 100), 0)
  })

  it('lets a single call through at less than one a second', () => {
    const slow = allowance(0.5)
    assert.equal(waitFor(slow, 0), 0)
    spend(slow)
    assert.equal(waitFor(slow, 0), 2000)
    assert.equal(waitFor(slow, 2000), 0)
  })

  it('is kept by who waits as told: in any span, at most a second of calls more than the rate', () => {
    const calls = fc.array(fc.nat(400), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), calls, (perSecond, gaps) => {
        const bucket = allowance(perSecond)
        const taken: number[] = []
        let now = 0
        for (const gap of gaps) {
          now += gap
          if (waitFor(bucket, now) > 0) continue
          spend(bucket)
          taken.push(now)
        }
        taken.forEach((from, first) => {
          taken.slice(first).forEach((to, more) => {
            assert.ok(more + 1 <= perSecond + ((to - from) / 1000) * perSecond + 1e-6, `${more + 1} in ${to - from} ms`)
          })
        })
      }),
      { numRuns: 50 },
    )
  })

  it('tells the truth about the wait: then there is room, a moment before there is not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(2000), (perSecond, spent) => {
        const bucket = allowance(perSecond)
        for (let n = 0; n < spent; n++) spend(bucket)
        const wait = waitFor(bucket, 0)
        if (wait > 0) assert.ok(waitFor(bucket, wait * 0.99) > 0)
        assert.ok(waitFor(bucket, wait) < 1e-6)
      }),
    )
  })
})
