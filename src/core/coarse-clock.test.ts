import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { coarseClock } from './coarse-clock.ts'
import { VirtualClock } from './virtual-clock.ts'

describe('a coarse clock', () => {
  it('fires every timer that was not cleared, once, at most a tick late and never early', () => {
    const script = fc.array(
      fc.record({ at: fc.nat(20_000), wait: fc.nat(20_000), clearAfter: fc.option(fc.nat(20_000)) }),
      {
        maxLength: 60,
      },
    )
    fc.assert(
      fc.property(script, (timers) => {
        const fine = new VirtualClock()
        const coarse = coarseClock(fine, 5)
        const fired = timers.map(() => [] as number[])
        timers.forEach(({ at, wait, clearAfter }, n) => {
          fine.after(at, () => {
            const timer = coarse.after(wait, () => fired[n]!.push(fine.now()))
            if (clearAfter !== null) fine.after(clearAfter, () => coarse.clear(timer))
          })
        })
        fine.advance(60_000)
        timers.forEach(({ at, wait, clearAfter }, n) => {
          const due = at + wait
          const clearedAt = clearAfter === null ? Number.POSITIVE_INFINITY : at + clearAfter
          if (clearedAt < due) assert.deepEqual(fired[n], [])
          if (clearedAt > due + 6) {
            assert.equal(fired[n]!.length, 1)
            assert.ok(fired[n]![0]! >= due && fired[n]![0]! <= due + 6, `due at ${due}, fired at ${fired[n]![0]}`)
          }
        })
      }),
    )
  })

  it('lets the fine clock rest when nothing is set', () => {
    const fine = new VirtualClock()
    const coarse = coarseClock(fine, 5)
    coarse.clear(coarse.after(1000, () => assert.fail('it was cleared')))
    fine.advance(20)
    assert.equal(fine.nextDue, undefined)
  })

  it('lets a timer that fires clear another of the same tick', () => {
    const fine = new VirtualClock()
    const coarse = coarseClock(fine, 5)
    const other = { timer: coarse.after(12, () => {}) }
    let fired = 0
    coarse.clear(other.timer)
    const first = coarse.after(11, () => {
      fired++
      coarse.clear(second)
    })
    const second = coarse.after(11, () => {
      fired++
      coarse.clear(first)
    })
    fine.advance(100)
    assert.equal(fired, 1)
  })
})
