import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  badAnswer,
  type CarriedAttempt,
  goodAnswer,
  type NetworkWishes,
  refusalReason,
  rpcCall,
  ScriptedCarrier,
  ScriptedSource,
  settled,
  wellNetwork,
} from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { type AttemptObserver, discard, Pool } from './pool.ts'
import type { Attempt, NetworkState, UpstreamState } from './state.ts'

interface Stage {
  readonly clock: VirtualClock
  readonly network: NetworkState
  readonly pool: Pool<RpcCall>
  readonly attempts: CarriedAttempt[]
  readonly ended: { attempt: Attempt; outcome: Outcome; durationMs: number }[]
  readonly suspected: string[]
}

function stage(upstreams: NetworkWishes['upstreams'] = ['a', 'b']): Stage {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams })
  const { attempts, carrier } = new ScriptedCarrier<RpcCall>()
  const ended: Stage['ended'] = []
  const suspected: string[] = []
  const observer: AttemptObserver = {
    ended: (attempt, outcome, durationMs) => ended.push({ attempt, outcome, durationMs }),
    suspected: ({ name }) => suspected.push(name),
  }
  const breaker = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }
  const pool = new Pool({ network, breaker, clock, random: seededRandom(1), observers: [observer] }, carrier)
  return { clock, network, pool, attempts, ended, suspected }
}

const inFlight = (network: NetworkState) => network.upstreams.map((upstream) => upstream.inFlight.size)

describe('the pool', () => {
  it('sends an attempt to the chosen upstream and counts it until it ends', async () => {
    const { clock, network, pool, attempts, ended } = stage()
    const call = rpcCall()
    const outcome = pool.attempt(call)
    assert.deepEqual(inFlight(network), [1, 0])
    assert.deepEqual([call.trail.attempts, call.trail.running.length], [1, 1])
    clock.advance(7)
    attempts[0]!.receiver.onHeard()
    const answer = goodAnswer('a')
    attempts[0]!.receiver.onOutcome(answer)
    assert.equal(await outcome, answer)
    assert.deepEqual(inFlight(network), [0, 0])
    assert.equal(call.trail.running.length, 0)
    assert.deepEqual([ended.length, ended[0]!.durationMs], [1, 7])
    assert.equal(network.upstreams[0]!.lastAnswerAt, 7)
    assert.ok(network.upstreams[0]!.overall.size > 0)
  })

  it('asks another upstream at the next attempt of the same call, and then nobody', async () => {
    const { pool, attempts } = stage()
    const call = rpcCall()
    void pool.attempt(call)
    void pool.attempt(call)
    assert.deepEqual(
      attempts.map(({ upstream }) => upstream.name),
      ['a', 'b'],
    )
    assert.equal(refusalReason(await pool.attempt(call)), 'upstreamFailed')
  })

  it('refuses at once, in words for each reason, when there is nobody to ask', async () => {
    const reasonFor = async (prepare: (upstream: UpstreamState) => void, call = rpcCall('trace_block')) => {
      const { network, pool } = stage(['a'])
      prepare(network.upstreams[0]!)
      const outcome = pool.attempt(call)
      assert.ok(!(outcome instanceof Promise), 'a refusal costs no promise')
      assert.deepEqual([outcome.upstream, outcome.mayHaveActed, call.trail.attempts], [undefined, false, 0])
      return refusalReason(outcome)
    }
    const to = (upstream: string) => rpcCall('eth_chainId', undefined, { directive: { upstream } })
    const out = (upstream: UpstreamState) => Object.assign(upstream, { eligible: false })
    assert.equal(await reasonFor(out), 'noUpstream')
    assert.equal(await reasonFor(out, to('a')), 'noUpstream')
    assert.equal(await reasonFor(() => {}, to('z')), 'unknownUpstream')
    assert.equal(await reasonFor((upstream) => Object.assign(upstream, { pausedUntil: 300 })), 'limited')
    assert.equal(await reasonFor((upstream) => upstream.unsupported.add('trace_block')), 'unsupported')
  })

  it('does not send a call any more that has been settled meanwhile', async () => {
    for (const how of ['answered', 'unwanted', 'timedOut'] as const) {
      const { network, pool, attempts } = stage()
      const call = rpcCall()
      call.trail.settle(how)
      assert.equal((await pool.attempt(call)).upstream, undefined)
      assert.equal((await pool.attemptAt(call, network.upstreams[1]!)).upstream, undefined)
      assert.equal(attempts.length, 0)
    }
  })

  it('lets an abandoned attempt run on for ten seconds, for what its lateness teaches', async () => {
    const { clock, network, pool, attempts, ended } = stage()
    const late = rpcCall()
    void pool.attempt(late)
    late.trail.settle('answered')
    assert.deepEqual([attempts[0]!.aborted, inFlight(network)], [false, [1, 0]])
    clock.advance(500)
    attempts[0]!.receiver.onHeard()
    attempts[0]!.receiver.onOutcome(goodAnswer('a'))
    assert.equal(ended[0]!.durationMs, 500)

    const hung = rpcCall()
    void pool.attempt(hung)
    hung.trail.settle('answered')
    clock.advance(9999)
    assert.equal(attempts[1]!.aborted, false)
    clock.advance(1)
    assert.equal(attempts[1]!.aborted, true)
    assert.deepEqual(inFlight(network), [0, 0])
    assert.equal(ended[1]!.outcome.verdict?.effect.blamed, false)
    assert.equal(clock.nextDue, undefined)
  })

  it('gives up the stream of an answer that comes when nobody waits for it any more', () => {
    const { pool, attempts } = stage()
    const call = rpcCall()
    void pool.attempt(call)
    call.trail.settle('answered')
    const source = new ScriptedSource()
    attempts[0]!.receiver.onOutcome({ ...goodAnswer('a'), answer: { kind: 'resultStream', source } })
    assert.equal(source.aborted, 1)
  })

  it('blames an upstream whose time was over, not one that we no longer wanted', async () => {
    for (const [how, blamed] of [
      ['timedOut', true],
      ['unwanted', false],
    ] as const) {
      const { network, pool, attempts } = stage()
      const call = rpcCall()
      const outcome = pool.attempt(call)
      call.trail.settle(how)
      assert.equal((await outcome).verdict?.effect.blamed, blamed)
      assert.equal(attempts[0]!.aborted, true)
      assert.deepEqual(inFlight(network), [0, 0])
    }
  })

  it('takes the first outcome and is deaf to any other', async () => {
    const { network, pool, attempts, ended } = stage()
    const outcome = pool.attempt(rpcCall())
    attempts[0]!.receiver.onOutcome(goodAnswer('a', '1'))
    attempts[0]!.receiver.onOutcome(goodAnswer('a', '2'))
    assert.equal(String(((await outcome).answer as { value: Buffer }).value), '1')
    assert.equal(ended.length, 1)
    assert.deepEqual(inFlight(network), [0, 0])
  })

  it('tells the calls that wait at a suspect, once, and leaves those alone that nobody waits for', () => {
    const { network, pool, suspected } = stage()
    const [waiting, answered] = [rpcCall(), rpcCall()]
    let stuck = 0
    for (const call of [waiting, answered]) {
      call.trail.onStuck = () => stuck++
      void pool.attempt(call)
    }
    answered.trail.settle('answered')
    pool.suspect(network.upstreams[0]!)
    pool.suspect(network.upstreams[0]!)
    assert.equal(stuck, 1)
    assert.deepEqual(suspected, ['a'])
  })

  it('learns no duration from an attempt that was stuck, but takes its answer for a sign of life', () => {
    const { clock, network, pool, attempts } = stage()
    const [a] = network.upstreams as [UpstreamState]
    void pool.attempt(rpcCall())
    clock.advance(40)
    pool.suspect(a)
    clock.advance(3000)
    attempts[0]!.receiver.onHeard()
    assert.equal(a.suspect, false)
    attempts[0]!.receiver.onOutcome(goodAnswer('a'))
    assert.equal(a.overall.size, 0)
  })

  it('learns no duration from an attempt that never heard anything', () => {
    const { network, pool, attempts } = stage()
    void pool.attempt(rpcCall())
    attempts[0]!.receiver.onOutcome(badAnswer('a', 'NODE'))
    assert.equal(network.upstreams[0]!.overall.size, 0)
  })

  it('suspects by silence', async () => {
    const { clock, pool, suspected } = stage()
    void pool.attempt(rpcCall('eth_chainId'))
    clock.advance(50)
    await settled()
    assert.deepEqual(suspected, ['a'])
  })

  it('counts how often in a row the same upstream was asked', () => {
    const { network, pool } = stage([{ name: 'a', maxConsecutive: 2 }, 'b'])
    const taken = [1, 2, 3, 4, 5].map(() => {
      void pool.attempt(rpcCall())
      return network.lastChosen
    })
    assert.deepEqual(taken, [0, 0, 1, 0, 0])
  })

  it('cuts everything at its end and leaves no timer', async () => {
    const { clock, network, pool, attempts } = stage()
    const calls = [rpcCall(), rpcCall(), rpcCall()]
    const outcomes = calls.map((call) => pool.attempt(call))
    calls[1]!.trail.settle('answered')
    pool.destroy()
    await Promise.all(outcomes)
    assert.deepEqual(
      attempts.map(({ aborted }) => aborted),
      [true, true, true],
    )
    assert.deepEqual(inFlight(network), [0, 0])
    assert.equal(clock.nextDue, undefined)
  })

  it('never loses count of what is in flight, in whatever order things happen', async () => {
    const act = fc.record({
      kind: fc.constantFrom(
        'begin',
        'begin',
        'good',
        'bad',
        'heard',
        'answered',
        'unwanted',
        'timedOut',
        'suspect',
        'wait',
      ),
      at: fc.nat(1000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 80 }), async (acts) => {
        const { clock, network, pool, attempts, ended } = stage(['a', 'b', { name: 'c', tier: 'backup' }])
        const calls: RpcCall[] = []
        const outcomes: (Outcome | Promise<Outcome>)[] = []
        for (const { kind, at } of acts) {
          const call = calls[at % Math.max(1, calls.length)]
          const attempt = attempts[at % Math.max(1, attempts.length)]
          // The carrier keeps its promise: nothing after an abort, nothing after an outcome.
          const live =
            attempt !== undefined &&
            !attempt.aborted &&
            !ended.some((one) => (one.attempt as unknown) === attempt.receiver)
          if (kind === 'begin') {
            const next = at % 3 === 0 && call !== undefined ? call : rpcCall()
            calls.push(next)
            outcomes.push(pool.attempt(next))
          } else if (kind === 'wait') clock.advance(at * 20)
          else if (kind === 'suspect') pool.suspect(network.upstreams[at % 3]!)
          else if (kind === 'answered' || kind === 'unwanted' || kind === 'timedOut') call?.trail.settle(kind)
          else if (live && kind === 'heard') attempt.receiver.onHeard()
          else if (live && kind === 'good') attempt.receiver.onOutcome(goodAnswer(attempt.upstream.name))
          else if (live && kind === 'bad') attempt.receiver.onOutcome(badAnswer(attempt.upstream.name, 'NODE'))
          for (const upstream of network.upstreams) {
            const begun = attempts.filter((one) => one.upstream === upstream).length
            const over = ended.filter((one) => one.attempt.upstream === upstream).length
            assert.equal(upstream.inFlight.size, begun - over)
          }
        }
        for (const call of calls) call.trail.settle('unwanted')
        clock.advance(10_000)
        await Promise.all(outcomes)
        assert.equal(ended.length, attempts.length)
        assert.deepEqual(inFlight(network), [0, 0, 0])
        assert.ok(calls.every(({ trail }) => trail.running.length === 0))
        // The longest patience that a history in this test can ask for.
        clock.advance(10_000_000)
        assert.equal(clock.nextDue, undefined)
      }),
      { numRuns: 300 },
    )
  })
})

describe('discard', () => {
  it('gives up what flows and leaves alone what is held', () => {
    const [result, http] = [new ScriptedSource(), new ScriptedSource()]
    discard({ ...goodAnswer('a'), answer: { kind: 'resultStream', source: result } })
    discard({ ...goodAnswer('a'), answer: { kind: 'http', status: 200, body: http } })
    discard({ ...goodAnswer('a'), answer: { kind: 'http', status: 200, body: Buffer.from('x') } })
    discard(goodAnswer('a'))
    assert.deepEqual([result.aborted, http.aborted], [1, 1])
  })
})
