import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { settled, unknownNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { UpstreamState } from '../upstream/state.ts'
import { ProbeError, type ProbeFacts } from './ask.ts'
import { ProbeLoop, type ProbeReport } from './loop.ts'

const facts: ProbeFacts = { head: 1, syncing: undefined }

/** @param hanging names of upstreams whose probes never end */
function stage(hanging: readonly string[] = [], failing: readonly string[] = []) {
  const clock = new VirtualClock()
  const { upstreams } = unknownNetwork({ upstreams: ['a', 'b'] })
  const began: { name: string; at: number }[] = []
  const reports: ProbeReport[] = []
  const loop = new ProbeLoop(upstreams, {
    intervalMs: 1000,
    clock,
    random: seededRandom(5),
    ask: () => assert.fail('this probe asks nothing'),
    probe: async (upstream) => {
      began.push({ name: upstream.name, at: clock.now() })
      if (hanging.includes(upstream.name)) return new Promise(() => {})
      if (failing.includes(upstream.name)) throw new ProbeError('connection refused')
      return facts
    },
    report: (report) => reports.push(report),
  })
  const beginningsOf = (name: string): number[] => began.filter((one) => one.name === name).map(({ at }) => at)
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 20) {
      clock.advance(Math.min(20, left))
      await settled()
    }
  }
  return { clock, upstreams: upstreams as readonly [UpstreamState, UpstreamState], loop, reports, beginningsOf, pass }
}

describe('the probe loop', () => {
  it('probes everyone at the start, then in a rhythm that varies by a tenth at most, and not always the same', async () => {
    const { loop, beginningsOf, pass } = stage()
    await loop.start()
    await pass(60_000)
    for (const name of ['a', 'b']) {
      const times = beginningsOf(name)
      const gaps = times.slice(1).map((at, n) => at - times[n]!)
      assert.equal(times[0], 0)
      assert.ok(times.length >= 54 && times.length <= 67, `${times.length}`)
      for (const gap of gaps) assert.ok(gap >= 900 && gap <= 1120, `${gap}`)
      assert.ok(new Set(gaps.map(Math.round)).size > 10, 'upstreams must not be probed in step for ever')
    }
  })

  it('lets one that hangs delay no other, and does not probe it twice at once', async () => {
    const { loop, beginningsOf, pass } = stage(['a'])
    void loop.start()
    await pass(10_000)
    assert.equal(beginningsOf('a').length, 1)
    assert.ok(beginningsOf('b').length >= 9)
  })

  it('reports what a probe found or why it failed, and goes on after failures', async () => {
    const { upstreams, loop, reports, pass } = stage([], ['b'])
    await loop.start()
    assert.deepEqual(reports, [
      { upstream: upstreams[0], facts, problem: undefined, durationMs: 0 },
      { upstream: upstreams[1], facts: undefined, problem: 'connection refused', durationMs: 0 },
    ])
    await pass(3000)
    assert.ok(reports.filter(({ problem }) => problem !== undefined).length >= 3)
  })

  it('hurries when traffic says so, but never more often than every 100 ms', async () => {
    const { upstreams, loop, beginningsOf, pass } = stage()
    await loop.start()
    for (let n = 0; n < 50; n++) {
      loop.hurry(upstreams[0])
      await pass(20)
    }
    const times = beginningsOf('a')
    assert.ok(times.length >= 9 && times.length <= 11, `${times}`)
    for (const [n, at] of times.slice(1).entries()) assert.ok(at - times[n]! >= 100)
    assert.ok(beginningsOf('b').length <= 2, 'only the one that is hurried')
  })

  it('hurries at once after a rest, and does not wait for the rhythm', async () => {
    const { upstreams, loop, beginningsOf, pass } = stage()
    await loop.start()
    await pass(400)
    loop.hurry(upstreams[0])
    await pass(20)
    assert.equal(beginningsOf('a').at(-1), 400)
  })

  it('is still when it is closed, also while a probe runs', async () => {
    const { clock, upstreams, loop, beginningsOf, reports, pass } = stage()
    const started = loop.start()
    loop.close()
    await started
    loop.hurry(upstreams[0])
    await pass(5000)
    assert.equal(beginningsOf('a').length, 1)
    assert.deepEqual(reports, [])
    assert.equal(clock.nextDue, undefined)
  })
})
