import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { ClientLimit } from './client-limit.ts'

describe('the limit of a client', () => {
  it('is off at 0', () => {
    const limit = new ClientLimit({ requestsPerSecond: 0, burst: 0 }, new VirtualClock())
    for (let n = 0; n < 1000; n++) assert.equal(limit.take('a', 1000), 0)
  })

  it('lets a burst through, then the rate, and says how long to wait', () => {
    const clock = new VirtualClock()
    const limit = new ClientLimit({ requestsPerSecond: 2, burst: 5 }, clock)
    for (let n = 0; n < 5; n++) assert.equal(limit.take('a', 1), 0)
    assert.equal(limit.take('a', 1), 500)
    clock.advance(499)
    assert.ok(limit.take('a', 1) > 0)
    clock.advance(1)
    assert.equal(limit.take('a', 1), 0)
  })

  it('counts every client for itself', () => {
    const limit = new ClientLimit({ requestsPerSecond: 1, burst: 1 }, new VirtualClock())
    assert.equal(limit.take('a', 1), 0)
    assert.ok(limit.take('a', 1) > 0)
    assert.equal(limit.take('b', 1), 0)
  })

  it('lets a batch that is larger than the bucket through when the bucket is full, and then asks for its price', () => {
    const clock = new VirtualClock()
    const limit = new ClientLimit({ requestsPerSecond: 10, burst: 10 }, clock)
    assert.equal(limit.take('a', 100), 0)
    assert.equal(limit.take('a', 1), 9100)
    clock.advance(9100)
    assert.equal(limit.take('a', 1), 0)
  })

  it('asks a batch that is paid in two parts for as much as one that is paid at once', () => {
    const inParts = (limit: ClientLimit, calls: number): number => limit.take('a', 1) || limit.takeRest('a', calls)
    const rules = fc.record({ requestsPerSecond: fc.integer({ min: 1, max: 20 }), burst: fc.nat(40) })
    const asks = fc.array(fc.record({ wait: fc.nat(2000), calls: fc.integer({ min: 1, max: 60 }) }), { maxLength: 60 })
    fc.assert(
      fc.property(rules, asks, (rule, all) => {
        const clock = new VirtualClock()
        for (const { wait, calls } of all) {
          const [whole, parts] = [new ClientLimit(rule, clock), new ClientLimit(rule, clock)]
          for (const limit of [whole, parts]) limit.take('a', calls)
          clock.advance(wait)
          assert.equal(inParts(parts, calls) === 0, whole.take('a', calls) === 0)
        }
      }),
    )
  })

  it('says to a batch that is refused in its second part how long to wait for both', () => {
    const clock = new VirtualClock()
    const limit = new ClientLimit({ requestsPerSecond: 10, burst: 10 }, clock)
    limit.take('a', 5)
    assert.equal(limit.take('a', 1), 0)
    const waitMs = limit.takeRest('a', 8)
    assert.equal(waitMs, 400)
    clock.advance(waitMs)
    assert.equal(limit.take('a', 1), 0)
    assert.equal(limit.takeRest('a', 8), 0)
  })

  it('holds in the long run, whatever is asked when', () => {
    const asks = fc.array(fc.record({ wait: fc.nat(2000), calls: fc.integer({ min: 1, max: 30 }) }), { maxLength: 100 })
    const rules = fc.record({ requestsPerSecond: fc.integer({ min: 1, max: 20 }), burst: fc.nat(40) })
    fc.assert(
      fc.property(rules, asks, (rule, all) => {
        const clock = new VirtualClock()
        const limit = new ClientLimit(rule, clock)
        let passed = 0
        let last = 0
        for (const { wait, calls } of all) {
          clock.advance(wait)
          if (limit.take('a', calls) > 0) continue
          passed += calls
          last = calls
        }
        const bucket = Math.max(rule.burst, rule.requestsPerSecond)
        // The last batch may be in debt yet.
        assert.ok(passed - last <= bucket + (clock.now() / 1000) * rule.requestsPerSecond + 1e-6)
      }),
    )
  })

  it('forgets the longest unseen address when there are too many, never the one that asks', () => {
    const limit = new ClientLimit({ requestsPerSecond: 1, burst: 1 }, new VirtualClock())
    for (let n = 0; n < 50_000; n++) limit.take(`c${n}`, 1)
    assert.ok(limit.take('c0', 1) > 0, 'still known, and seen again now')
    limit.take('new', 1)
    assert.ok(limit.take('c0', 1) > 0)
    assert.equal(limit.take('c1', 1), 0, 'forgotten: a full bucket')
  })
})
