import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LatencyHistory } from './latency.ts'

function exact(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length - 1e-9) - 1)]!
}

function historyOf(values: readonly number[], now = 0): LatencyHistory {
  const history = new LatencyHistory(now)
  for (const value of values) history.record(value, now)
  return history
}

describe('a latency history', () => {
  it('knows nothing at first', () => {
    assert.equal(new LatencyHistory(0).quantile(0.5), undefined)
    assert.equal(new LatencyHistory(0).size, 0)
  })

  it('gives quantiles that are never too low and at most a fifth too high', () => {
    const durations = fc.array(fc.double({ min: 0.05, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 400 })
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.9, 0.95, 0.99), (values, q) => {
        const [told, truth] = [historyOf(values).quantile(q)!, exact(values, q)]
        assert.ok(told >= truth * 0.999999 && told <= truth * 1.2, `told ${told}, true ${truth}`)
      }),
    )
  })

  it('takes durations beyond its buckets for the nearest one', () => {
    assert.equal(historyOf([0]).quantile(0.5), 0.05)
    const longest = historyOf([1e9]).quantile(0.5)!
    assert.ok(longest > 100_000 && Number.isFinite(longest))
  })

  it('keeps up when a method becomes slow: the quantile it has told before is not kept for long', () => {
    const history = historyOf(new Array(1000).fill(1))
    assert.ok(history.quantile(0.99)! < 1.2)
    for (let n = 0; n < 100; n++) history.record(500, 0)
    assert.ok(history.quantile(0.99)! >= 500)
  })

  it('forgets by half each minute, so that yesterday does not excuse today', () => {
    const history = historyOf(new Array(1000).fill(5000))
    history.record(1, 60_001)
    assert.ok(Math.abs(history.size - 501) < 0.1)
    history.record(1, 600_000)
    assert.ok(history.size < 3, `${history.size} are left`)
    for (let n = 0; n < 100; n++) history.record(1, 600_000)
    assert.ok(history.quantile(0.9)! < 1.2)
    history.record(1, 36_000_000)
    assert.equal(history.size, 1)
  })

  it('counts what it has told when it is asked for its size', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), { maxLength: 300 }), (values) => {
        assert.equal(historyOf(values).size, values.length)
      }),
    )
  })
})
