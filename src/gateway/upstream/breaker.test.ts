import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type BreakerRule, failureShare, letsThrough, newBreaker, noteBegin, noteEnd } from './breaker.ts'

const rule: BreakerRule = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }

/** The breaker as its documentation describes it, without any economy. */
class Model {
  phase: 'closed' | 'open' | 'trial' = 'closed'
  openedAt = 0
  ends: { at: number; failed: boolean }[] = []
  readonly rule: BreakerRule

  constructor(rule: BreakerRule) {
    this.rule = rule
  }

  /** The window slides by whole seconds: the current one and the nine before. */
  window(now: number): { at: number; failed: boolean }[] {
    const first = (Math.floor(now / 1000) - 9) * 1000
    return this.ends.filter(({ at }) => at >= first)
  }

  share(now: number): number {
    const window = this.window(now)
    return window.length === 0 ? 0 : window.filter(({ failed }) => failed).length / window.length
  }

  letsThrough(now: number): boolean {
    return this.phase === 'closed' || (this.phase === 'open' && now - this.openedAt >= this.rule.openMs)
  }

  begin(now: number): void {
    if (this.phase === 'open' && this.letsThrough(now)) this.phase = 'trial'
  }

  end(failed: boolean, now: number): void {
    if (this.phase === 'open') return
    if (this.phase === 'trial') {
      this.phase = failed ? 'open' : 'closed'
      this.openedAt = now
      this.ends = []
      return
    }
    this.ends.push({ at: now, failed })
    if (!failed || this.window(now).length < this.rule.minimumCalls || this.share(now) < this.rule.failureRatio) return
    this.phase = 'open'
    this.openedAt = now
  }
}

describe('a breaker', () => {
  it('does what its rule says, whatever happens and whenever', () => {
    const step = fc.record({
      wait: fc.oneof({ weight: 9, arbitrary: fc.nat(300) }, fc.nat(15_000)),
      act: fc.constantFrom('begin', 'good', 'good', 'bad', 'bad'),
    })
    const rules = fc.record({
      failureRatio: fc.constantFrom(0.1, 0.5, 0.9, 1, 1.1),
      minimumCalls: fc.integer({ min: 1, max: 20 }),
      openMs: fc.constantFrom(500, 5000),
    })
    fc.assert(
      fc.property(rules, fc.nat(20_000), fc.array(step, { maxLength: 200 }), (own, start, steps) => {
        const breaker = newBreaker()
        const model = new Model(own)
        let now = start
        for (const { wait, act } of steps) {
          now += wait
          assert.equal(letsThrough(breaker, own, now), model.letsThrough(now))
          const before = breaker.phase
          if (act === 'begin') {
            noteBegin(breaker, own, now)
            model.begin(now)
          } else {
            const moved = noteEnd(breaker, own, act === 'bad', now)
            model.end(act === 'bad', now)
            assert.equal(moved, breaker.phase !== before)
          }
          assert.equal(breaker.phase, model.phase)
          assert.ok(Math.abs(failureShare(breaker, now) - model.share(now)) < 1e-9)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('opens at the ratio and not below, once there were enough calls', () => {
    const breaker = newBreaker()
    for (let n = 0; n < 10; n++) noteEnd(breaker, rule, false, 0)
    for (let n = 0; n < 9; n++) assert.equal(noteEnd(breaker, rule, true, 0), false)
    assert.equal(breaker.phase, 'closed')
    assert.equal(noteEnd(breaker, rule, true, 0), true)
    assert.equal(breaker.phase, 'open')
  })

  it('forgives failures that are more than ten seconds old', () => {
    const breaker = newBreaker()
    for (let n = 0; n < 19; n++) noteEnd(breaker, rule, true, 0)
    noteEnd(breaker, rule, true, 10_000)
    assert.equal(breaker.phase, 'closed')
    assert.equal(failureShare(breaker, 30_000), 0)
  })

  it('lets a single trial through after its time, and no other until that has ended', () => {
    const breaker = newBreaker()
    for (let n = 0; n < 20; n++) noteEnd(breaker, rule, true, 500)
    assert.equal(letsThrough(breaker, rule, 10_499), false)
    assert.equal(letsThrough(breaker, rule, 10_500), true)
    noteBegin(breaker, rule, 10_500)
    assert.equal(letsThrough(breaker, rule, 10_500), false)
    assert.equal(letsThrough(breaker, rule, 99_999), false)
    noteEnd(breaker, rule, true, 11_000)
    assert.equal(letsThrough(breaker, rule, 20_999), false)
    noteBegin(breaker, rule, 21_000)
    noteEnd(breaker, rule, false, 21_001)
    assert.equal(breaker.phase, 'closed')
    assert.equal(failureShare(breaker, 21_001), 0)
  })

  it('stays closed for good with a ratio above one', () => {
    const breaker = newBreaker()
    for (let n = 0; n < 1000; n++) noteEnd(breaker, { ...rule, failureRatio: 1.1 }, true, n)
    assert.equal(breaker.phase, 'closed')
  })
})
