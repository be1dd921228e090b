import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VirtualClock } from '../core/virtual-clock.ts'
import { Watch } from './watch.ts'

describe('a watch', () => {
  it('looks at its members a few times a second, and only while it has any', () => {
    const clock = new VirtualClock()
    const watch = new Watch(clock, 4000)
    assert.equal(clock.nextDue, undefined)
    const seen: number[] = []
    const member = { check: (now: number) => seen.push(now) }
    watch.add(member)
    clock.advance(1000)
    assert.deepEqual(seen, [0, 250, 500, 750, 1000])
    watch.delete(member)
    assert.equal(clock.nextDue, undefined)
    clock.advance(5000)
    watch.add(member)
    assert.equal(watch.now, 6000, 'the time is fresh again')
  })

  it('tells the time to a member that is about to join after a long quiet', () => {
    const clock = new VirtualClock()
    const watch = new Watch(clock, 1000)
    clock.advance(60_000)
    const since = watch.now
    const late: boolean[] = []
    watch.add({ check: () => late.push(watch.past(since, 1000)) })
    assert.deepEqual([since, late], [clock.now(), [false]])
  })

  it('never lets a deadline fire early', () => {
    const clock = new VirtualClock()
    const watch = new Watch(clock, 1000)
    watch.add({ check: () => {} })
    clock.advance(240)
    const since = watch.now
    clock.advance(1000)
    assert.equal(watch.past(since, 1000), false)
    clock.advance(250)
    assert.equal(watch.past(since, 1000), true)
  })

  it('lets a member leave from within its check', () => {
    const clock = new VirtualClock()
    const watch = new Watch<{ check(now: number): void }>(clock, 1000)
    const member = { check: (now: number) => void (now > 0 && watch.delete(member)) }
    watch.add(member)
    clock.advance(10_000)
    assert.equal(watch.members.size, 0)
    assert.equal(clock.nextDue, undefined)
  })
})
