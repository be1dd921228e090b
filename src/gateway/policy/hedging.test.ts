import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { newProgress } from '../upstream/progress.ts'
import { type Attempt, historyOf, type NetworkState, type UpstreamState } from '../upstream/state.ts'
import { Hedging } from './hedging.ts'

interface Wishes {
  readonly upstreams?: readonly string[]
  readonly afterQuantile?: number
  readonly maxExtraPercent?: number
}

function stage({ upstreams = ['a', 'b'], afterQuantile = 0.95, maxExtraPercent = 10 }: Wishes = {}) {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams })
  const hedging = new Hedging({ afterQuantile, maxExtraPercent }, network, clock)
  return { clock, network, hedging }
}

function call(network: NetworkState, durations: readonly number[] = []) {
  const upstream = network.upstreams[0] as UpstreamState
  const asked = rpcCall('eth_call')
  asked.trail.tried.push(upstream)
  for (const ms of durations) historyOf(upstream, asked.label, 0).record(ms, 0)
  return asked
}

const twenty = (ms: number) => new Array<number>(20).fill(ms)

describe('the moment of a hedge', () => {
  it('is when the attempt is slower than its method usually is there', () => {
    const { network, hedging } = stage()
    const wait = hedging.after(call(network, twenty(100)))
    assert.ok(wait !== undefined && wait >= 100 && wait <= 120, `${wait}`)
  })

  it('is never within ten milliseconds', () => {
    const { network, hedging } = stage()
    assert.equal(hedging.after(call(network, twenty(0.2))), 10)
  })

  it('never comes without enough history, without another upstream, or when it is switched off', () => {
    const few = stage()
    assert.equal(few.hedging.after(call(few.network, twenty(100).slice(1))), undefined)
    const alone = stage({ upstreams: ['a'] })
    assert.equal(alone.hedging.after(call(alone.network, twenty(100))), undefined)
    const off = stage({ afterQuantile: 1 })
    assert.equal(off.hedging.after(call(off.network, twenty(100))), undefined)
  })

  it('is early for what takes long, from the third time on, until a peer is known at it: it may never have been well', () => {
    const { network, hedging } = stage()
    const slow = call(network, [1200, 1200])
    assert.equal(hedging.after(slow), undefined)
    historyOf(network.upstreams[0]!, slow.label, 0).record(1200, 0)
    assert.equal(hedging.after(slow), 250)
    for (let n = 0; n < 3; n++) historyOf(network.upstreams[1]!, slow.label, 0).record(1200, 0)
    assert.equal(hedging.after(slow), undefined)
    assert.equal(stage().hedging.after(call(stage().network, [200, 200, 200])), undefined, 'not for what is quick')
  })

  it('never comes for a call that no upstream was asked', () => {
    assert.equal(stage().hedging.after(rpcCall()), undefined)
  })
})

describe('the budget of hedges', () => {
  const spend = (stageOf: ReturnType<typeof stage>, calls: number): number => {
    let taken = 0
    for (let n = 0; n < calls; n++) {
      stageOf.hedging.after(call(stageOf.network))
      while (stageOf.hedging.take()) taken++
    }
    return taken
  }

  it('never exceeds its percentage over a long run, whatever is asked when', () => {
    const acts = fc.array(fc.record({ calls: fc.nat(100), wait: fc.nat(15_000), trouble: fc.boolean() }), {
      maxLength: 40,
    })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), acts, (maxExtraPercent, runs) => {
        const all = stage({ maxExtraPercent })
        let calls = 0
        let taken = 0
        for (const run of runs) {
          all.clock.advance(run.wait)
          if (run.trouble) all.network.lastTroubleAt = all.clock.now()
          taken += spend(all, run.calls)
          calls += run.calls
        }
        // One is free at the start, and what was saved up cannot have been earned twice.
        assert.ok(taken <= 1 + (calls * maxExtraPercent) / 100 + 1e-6, `${taken} of ${calls}`)
      }),
    )
  })

  it('is two in a hundred in quiet times, and the whole percentage for ten seconds after trouble', () => {
    const all = stage()
    spend(all, 1)
    assert.ok(Math.abs(spend(all, 1000) - 20) <= 1)
    all.network.lastTroubleAt = all.clock.now()
    assert.ok(Math.abs(spend(all, 1000) - 100) <= 1)
    all.clock.advance(10_001)
    assert.ok(Math.abs(spend(all, 1000) - 20) <= 1)
  })

  it('saves up no more than ten', () => {
    const all = stage()
    for (let n = 0; n < 10_000; n++) all.hedging.after(call(all.network))
    let taken = 0
    while (all.hedging.take()) taken++
    assert.equal(taken, 10)
  })
})

describe('rescues', () => {
  const alarm = (upstream: UpstreamState, more: Partial<Attempt> = {}): Attempt => {
    const asked = rpcCall('eth_call')
    asked.trail.attempts = 2
    asked.trail.tried.push(upstream)
    return {
      ...{
        upstream,
        call: asked,
        startedAt: 0,
        stuck: false,
        trouble: 'silent',
        abandoned: true,
        outrun: false,
        place: -1,
      },
      ...{ progress: { ...newProgress(), heardAt: 1 }, abort() {} },
      ...more,
    }
  }
  const hedges = ({ hedging }: ReturnType<typeof stage>): number => {
    let taken = 0
    while (hedging.take()) taken++
    return taken
  }

  it('go one by one until one was right, then all at once for a second', () => {
    const { clock, hedging } = stage()
    assert.ok(hedging.mayRescue(false))
    hedging.rescueStarted()
    assert.ok(!hedging.mayRescue(false))
    assert.ok(hedging.mayRescue(true), 'what is overdue needs no leave')
    hedging.rescueEnded(true)
    for (let n = 0; n < 20; n++) {
      assert.ok(hedging.mayRescue(false))
      hedging.rescueStarted()
    }
    clock.advance(1000)
    assert.ok(!hedging.mayRescue(false))
  })

  it('give the turn to the next when one was wrong, and go as many at once as are saved up', () => {
    const { network, hedging } = stage()
    hedging.rescueStarted()
    hedging.rescueEnded(false)
    assert.ok(hedging.mayRescue(false))
    for (let n = 0; n < 1000; n++) hedging.after(call(network))
    for (let n = 0; n < 10; n++) {
      assert.ok(hedging.mayRescue(false), `${n}`)
      hedging.rescueStarted()
    }
    assert.ok(!hedging.mayRescue(false))
  })

  it('are paid like hedges where the first answered in time after all', () => {
    const all = stage()
    const [upstream] = all.network.upstreams
    all.hedging.ended(alarm(upstream!), goodAnswer('a'))
    assert.equal(hedges(all), 0, 'the one that is free at the start is spent')
  })

  it('cost nothing where it was outrun, failed, or was not asked beside another', () => {
    const all = stage()
    const upstream = all.network.upstreams[0]!
    all.hedging.ended(alarm(upstream, { outrun: true }), goodAnswer('a'))
    all.hedging.ended(alarm(upstream), badAnswer('a', 'NODE'))
    all.hedging.ended(alarm(upstream, { trouble: undefined }), goodAnswer('a'))
    const alone = alarm(upstream)
    alone.call.trail.attempts = 1
    all.hedging.ended(alone, goodAnswer('a'))
    assert.equal(hedges(all), 1)
  })

  it('leave a hedge its price where its first was outrun, but not twice for what was rescued', () => {
    const all = stage()
    const upstream = all.network.upstreams[0]!
    assert.equal(hedges(all), 1)
    all.hedging.outrun(alarm(upstream, { trouble: undefined }))
    assert.equal(hedges(all), 1)
    all.hedging.outrun(alarm(upstream))
    assert.equal(hedges(all), 0)
  })
})
