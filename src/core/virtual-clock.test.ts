import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { VirtualClock } from './virtual-clock.ts'

describe('a virtual clock', () => {
  it('fires what was not cleared in order of due time, ties in order of creation, at its due time', () => {
    const timer = fc.record({ wait: fc.nat(50), cleared: fc.boolean() })
    fc.assert(
      fc.property(fc.array(timer, { maxLength: 100 }), (timers) => {
        const clock = new VirtualClock()
        const fired: { n: number; at: number }[] = []
        const set = timers.map(({ wait }, n) => clock.after(wait, () => fired.push({ n, at: clock.now() })))
        timers.forEach(({ cleared }, n) => {
          if (cleared) clock.clear(set[n])
        })
        clock.advance(50)
        const expected = timers
          .map(({ wait, cleared }, n) => ({ n, at: wait, cleared }))
          .filter(({ cleared }) => !cleared)
          .sort((a, b) => a.at - b.at || a.n - b.n)
          .map(({ n, at }) => ({ n, at }))
        assert.deepEqual(fired, expected)
      }),
    )
  })

  it('fires timers that a timer has set, when they fall due on the way', () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.after(10, again)
    }
    clock.after(10, again)
    clock.advance(35)
    assert.deepEqual(fired, [10, 20, 30])
    assert.equal(clock.nextDue, 40)
  })

  it('does not fire a timer that an earlier one of the same moment has cleared', () => {
    const clock = new VirtualClock()
    const first = clock.after(5, () => clock.clear(second))
    const second = clock.after(5, () => assert.fail('it was cleared'))
    clock.advance(5)
    clock.clear(first)
    assert.equal(clock.step(), false)
  })

  it('never goes back for a negative wait', () => {
    const clock = new VirtualClock()
    clock.advance(100)
    assert.equal(clock.after(-50, () => {}).due, 100)
  })

  it('steps to the next timer that is left, and stands still when none is', () => {
    const clock = new VirtualClock()
    clock.clear(clock.after(1, () => {}))
    clock.after(7, () => {})
    assert.equal(clock.nextDue, 7)
    assert.equal(clock.step(), true)
    assert.equal(clock.now(), 7)
    assert.equal(clock.step(), false)
    assert.equal(clock.now(), 7)
  })

  it('shows a wall time that moves along in whole milliseconds', () => {
    const clock = new VirtualClock(1000)
    clock.advance(2.5)
    assert.equal(clock.wall(), 1002)
  })
})
