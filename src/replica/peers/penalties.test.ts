import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { Penalties } from './penalties.ts'

describe('penalties', () => {
  it('double with each offence up to the longest, for the offender alone', () => {
    const clock = new VirtualClock()
    const penalties = new Penalties(clock, { first: 100, longest: 1_000 })
    const waits = Array.from({ length: 6 }, () => {
      penalties.offended(1)
      const wait = penalties.waitMs(1)
      clock.advance(wait)
      return wait
    })
    assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000])
    assert.equal(penalties.waitMs(1), 0)
    assert.equal(penalties.waitMs(2), 0)
  })

  it('count what was on its way together as one offence', () => {
    const clock = new VirtualClock()
    const penalties = new Penalties(clock, { first: 100, longest: 1_000 })
    for (let n = 0; n < 50; n++) penalties.offended(1)
    assert.equal(penalties.waitMs(1), 100)
  })

  it('begin anew after a long time without an offence', () => {
    const clock = new VirtualClock()
    const penalties = new Penalties(clock, { first: 100, longest: 1_000 })
    for (let n = 0; n < 5; n++) {
      penalties.offended(1)
      clock.advance(1_000)
    }
    clock.advance(10_001)
    penalties.offended(1)
    assert.equal(penalties.waitMs(1), 100)
  })
})
