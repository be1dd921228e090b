import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { ErrorClass } from '../../rpc/error-classes.ts'
import { Degradation, describeDegradation } from './degradation.ts'
import { newProgress } from './progress.ts'
import { choose } from './selection.ts'
import { type Attempt, historyOf, type UpstreamState } from './state.ts'

const breaker = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }

/** How an upstream answers: its share of calls that another has to answer. */
type Sickness = (call: number) => boolean

function stage(names: readonly (string | { name: string; tier: 'backup' })[] = ['a', 'b']) {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams: names })
  const news: string[] = []
  const degradation = new Degradation(network, clock, ({ name }, degraded) => {
    news.push(`${name} ${degraded ? 'degraded' : 'well'}`)
  })
  const random = seededRandom(1)
  const attemptOf = (upstream: UpstreamState, method: string): Attempt => ({
    ...{ upstream, call: rpcCall(method), startedAt: clock.now(), stuck: false, abandoned: false, outrun: false },
    ...{ place: -1, trouble: undefined, progress: newProgress(), abort() {} },
  })
  const chosen = (method = 'eth_call', call = rpcCall(method)): UpstreamState => {
    const choice = choose(network, call, { tried: [], breaker, random, now: clock.now() })
    assert.ok(choice.kind === 'upstream')
    return choice.upstream
  }
  return {
    ...{ clock, network, news, degradation, chosen },
    upstream: (name: string) => network.upstreams.find((one) => one.name === name)!,
    late: (upstream: UpstreamState, method = 'eth_call') => degradation.outrun(attemptOf(upstream, method)),
    /** Breaks at each of these in turn; the last is another that answers, or one that breaks as well. */
    broken: (
      upstreams: readonly string[],
      answeredBy: string | undefined,
      { how = 'NODE' as ErrorClass, params = '[{},"latest"]', mayHaveActed = true } = {},
    ) => {
      const call = rpcCall('eth_call', params)
      const attempt = (name: string): Attempt => {
        call.trail.attempts++
        return { ...attemptOf(network.upstreams.find((one) => one.name === name)!, 'eth_call'), call }
      }
      for (const name of upstreams) {
        degradation.ended(attempt(name), badAnswer(name, how, { mayHaveActed }), 3)
      }
      if (answeredBy !== undefined) degradation.ended(attempt(answeredBy), goodAnswer(answeredBy), 3)
    },
    /** Answered, but it had to be sent twice. */
    resent: (upstream: UpstreamState) => {
      const attempt = attemptOf(upstream, 'eth_call')
      attempt.progress.resent = true
      degradation.ended(attempt, goodAnswer(upstream.name), 3)
    },
    answered: (upstream: UpstreamState, method = 'eth_call', ms = 3) =>
      degradation.ended(attemptOf(upstream, method), goodAnswer(upstream.name), ms),
  }
}

type Stage = ReturnType<typeof stage>

/** Calls one after the other, each at whom it is sent to; how many each upstream got. */
function run(on: Stage, sick: Readonly<Record<string, Sickness>>, calls: number, gapMs = 10, method = 'eth_call') {
  const got: Record<string, number> = {}
  for (let n = 0; n < calls; n++) {
    const upstream = on.chosen(method)
    const count = (got[upstream.name] ?? 0) + 1
    got[upstream.name] = count
    if (sick[upstream.name]?.(n) === true) on.late(upstream, method)
    else on.answered(upstream, method)
    on.clock.advance(gapMs)
  }
  return got
}

const oneIn =
  (count: number): Sickness =>
  (n) =>
    n % count === 0

describe('a degraded upstream', () => {
  it('gets a few calls in a hundred while a peer does better, and all of them soon after it is well again', () => {
    for (const share of [1, 2, 3, 5]) {
      const on = stage()
      run(on, {}, 200)
      run(on, { a: oneIn(share) }, 60)
      assert.equal(on.news[0], 'a degraded', `one in ${share}`)
      const { a = 0, b = 0 } = run(on, { a: () => true }, 1000)
      assert.ok(a > 0 && a <= 60 && b >= 940, `${a} and ${b}`)
      run(on, {}, 800)
      assert.equal(on.news.at(-1), 'a well')
      assert.deepEqual(run(on, {}, 100), { a: 100 })
    }
  })

  it('is found by share: not by one call, not by one in fifty', () => {
    const on = stage()
    on.late(on.upstream('a'))
    run(on, { a: oneIn(50) }, 2000)
    assert.deepEqual(on.news, [])
  })

  it('is not one that was gone: what found it so has been answered for when it is back', () => {
    for (const eligible of [true, false]) {
      const on = stage()
      run(on, {}, 50)
      for (let n = 0; n < 3; n++) on.broken(['a'], 'b', { mayHaveActed: false })
      on.upstream('a').eligible = eligible
      for (let n = 0; n < 30; n++) on.broken(['a'], 'b', { mayHaveActed: false })
      on.upstream('a').eligible = true
      assert.equal(on.chosen().name, eligible ? 'b' : 'a')
    }
  })

  it('stands behind a well backup, and before nobody at all', () => {
    const on = stage(['a', { name: 'b', tier: 'backup' }])
    run(on, { a: oneIn(1) }, 20)
    assert.equal(on.chosen().name, 'b')
    on.upstream('b').eligible = false
    assert.equal(on.chosen().name, 'a')
  })

  it('is degraded in what it does badly: other methods stay', () => {
    const on = stage()
    run(on, {}, 50, 10, 'eth_getBalance')
    run(on, { a: oneIn(1) }, 20, 10, 'debug_traceCall')
    assert.equal(on.chosen('debug_traceCall').name, 'b')
    assert.equal(on.chosen('eth_getBalance').name, 'a')
  })

  it('is avoided by methods that were never tried there, too', () => {
    const on = stage()
    run(on, { a: oneIn(1) }, 20)
    assert.equal(on.chosen('debug_traceCall').name, 'b')
  })

  it('needs more proof where what is broken fails at once, for the breaker has its turn', () => {
    const on = stage()
    for (let n = 0; n < 5; n++) on.broken(['a'], 'b')
    assert.deepEqual(on.news, [])
    on.broken(['a'], 'b')
    assert.deepEqual(on.news, ['a degraded'])
  })

  it('is none for calls that break wherever they go: they may be ill themselves', () => {
    const on = stage()
    for (let n = 0; n < 50; n++) on.broken(['a', 'b'], undefined)
    for (let n = 0; n < 50; n++) on.broken(['a'], undefined)
    assert.deepEqual(on.news, [])
  })

  it('is one whose errors others answer, whatever it says: busy, catching up, header not found', () => {
    for (const how of ['RATE', 'SYNC', 'MISS', 'UNKNOWN'] as const) {
      const on = stage()
      for (let n = 0; n < 6; n++) on.broken(['a'], 'b', { how })
      assert.deepEqual(on.news, ['a degraded'], how)
    }
  })

  it('is one that cuts its connections, though it answers when it is asked again', () => {
    const on = stage()
    for (let n = 0; n < 6; n++) on.resent(on.upstream('a'))
    assert.deepEqual(on.news, ['a degraded'])
  })

  it('is none for history that it does not keep, nor for one long request however often it comes', () => {
    const on = stage()
    for (let n = 0; n < 50; n++) on.broken(['a'], 'b', { how: 'MISS', params: '[{},"0x1"]' })
    for (let n = 0; n < 50; n++) on.broken(['a'], 'b', { params: `[{"data":"${'ab'.repeat(40)}"},"latest"]` })
    assert.deepEqual(on.news, [])
  })

  it('is one whose probes take far longer than a peer needs for the same', () => {
    const on = stage()
    on.degradation.probed(on.upstream('a'), 1200)
    on.degradation.probed(on.upstream('b'), 2)
    assert.match(describeDegradation(on.upstream('a'), 0) ?? '', /^degraded: its probes take 1200 ms/)
    assert.equal(on.chosen().name, 'b')
    for (let n = 0; n < 3; n++) on.degradation.probed(on.upstream('a'), 2)
    assert.equal(on.chosen().name, 'a')
  })

  it('is told anew in each further class of methods, so that what runs there is helped', () => {
    const clock = new VirtualClock()
    const network = wellNetwork({ upstreams: ['a', 'b'] })
    const worse: string[] = []
    const news: boolean[] = []
    const degradation = new Degradation(
      network,
      clock,
      (_, degraded) => news.push(degraded),
      ({ name }) => worse.push(name),
    )
    const late = (method: string): void =>
      degradation.outrun({
        ...{
          upstream: network.upstreams[0]!,
          call: rpcCall(method),
          startedAt: 0,
          stuck: false,
          abandoned: true,
          outrun: true,
        },
        ...{ place: -1, trouble: undefined, progress: newProgress(), abort() {} },
      })
    for (let n = 0; n < 10; n++) late('eth_call')
    const before = worse.length
    assert.ok(before > 0)
    for (let n = 0; n < 10; n++) late('debug_traceCall')
    assert.ok(worse.length > before)
    assert.deepEqual(news, [true], 'the upstream as a whole is news once')
  })

  it('says why', () => {
    const on = stage()
    run(on, { a: oneIn(1) }, 10)
    assert.match(describeDegradation(on.upstream('a'), on.clock.now()) ?? '', /^degraded: \d+ % of eth_call late/)
    assert.equal(describeDegradation(on.upstream('b'), on.clock.now()), undefined)
  })
})

describe('an upstream that is not degraded', () => {
  it('is a single one, whatever it does', () => {
    const on = stage(['a'])
    assert.deepEqual(run(on, { a: () => true }, 100), { a: 100 })
    assert.deepEqual(on.news, [])
  })

  it('is one that is slow by nature', () => {
    const on = stage()
    for (const name of ['a', 'b']) {
      for (let n = 0; n < 40; n++) historyOf(on.upstream(name), 'eth_call', 0).record(900, 0)
    }
    for (let n = 0; n < 100; n++) on.answered(on.upstream('a'), 'eth_call', 1000)
    assert.deepEqual(on.news, [])
  })

  it('is one among others that do just as badly: the order stays', () => {
    const on = stage()
    run(on, { a: oneIn(2), b: oneIn(2) }, 400)
    const { a = 0 } = run(on, { a: oneIn(2), b: oneIn(2) }, 400)
    assert.ok(a > 300, `${a} of 400`)
  })
})

describe('whatever happens to two upstreams', () => {
  const phase = fc.record({
    a: fc.integer({ min: 0, max: 100 }),
    b: fc.integer({ min: 0, max: 100 }),
    calls: fc.integer({ min: 1, max: 300 }),
    gapMs: fc.integer({ min: 1, max: 500 }),
  })

  it('every call is sent to one, a well first one is back within ten seconds of calls, and news alternate', () => {
    fc.assert(
      fc.property(fc.array(phase, { maxLength: 8 }), fc.integer(), (phases, seed) => {
        const on = stage()
        const random = seededRandom(seed)
        const sick = (percent: number) => () => random.int(100) < percent
        for (const { a, b, calls, gapMs } of phases) run(on, { a: sick(a), b: sick(b) }, calls, gapMs)
        run(on, {}, 1000)
        assert.deepEqual(run(on, {}, 20), { a: 20 })
        for (const name of ['a', 'b']) {
          const own = on.news.filter((line) => line.startsWith(name))
          for (const [at, line] of own.entries()) assert.equal(line, `${name} ${at % 2 === 0 ? 'degraded' : 'well'}`)
        }
      }),
    )
  })
})
