import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LeastRate } from './least-rate.ts'

/** Looks four times a second for so many seconds while a peer sends `perLook` bytes between two looks. */
function looks(rate: LeastRate, from: number, seconds: number, perLook: number, waiting = true): boolean {
  for (let n = 1; n <= seconds * 4; n++) {
    rate.note(perLook)
    if (rate.isBroken(from + n * 250, waiting, 500)) return true
  }
  return false
}

describe('the least rate', () => {
  it('ends a byte a second after one window, not before', () => {
    assert.equal(looks(new LeastRate(256, 10_000, 0), 0, 9, 1), false)
    assert.equal(looks(new LeastRate(256, 10_000, 0), 0, 10, 1), true)
  })

  it('bears a slow peer that keeps the rate, for ever', () => {
    assert.equal(looks(new LeastRate(256, 10_000, 0), 0, 600, 64), false)
  })

  it('gives no rest for a burst at the start', () => {
    const rate = new LeastRate(256, 10_000, 0)
    rate.note(10_000_000)
    assert.equal(looks(rate, 0, 10, 0), false)
    assert.equal(looks(rate, 10_000, 10, 1), true)
  })

  it('counts neither the time in which nobody waits for the peer nor that which we have slept', () => {
    const rate = new LeastRate(256, 10_000, 0)
    assert.equal(looks(rate, 0, 600, 0, false), false)
    assert.equal(rate.isBroken(900_000, true, 500), false)
    assert.equal(looks(rate, 900_000, 9, 0), false)
    assert.equal(looks(rate, 909_000, 1, 0), true)
  })
})
