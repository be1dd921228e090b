import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, refusalReason, rpcCall, ScriptedCarrier, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { Pool } from './pool.ts'

/** A pool in front of nodes that answer when the test says so. */
function stage(upstreams: readonly string[] = ['a']) {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams })
  const { attempts, carrier } = new ScriptedCarrier<RpcCall>()
  const suspected: string[] = []
  const observer = { ended: () => {}, suspected: ({ name }: { name: string }) => suspected.push(name) }
  const breaker = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }
  const pool = new Pool({ network, breaker, clock, random: seededRandom(1), observers: [observer] }, carrier)
  const outcomes: Outcome[] = []
  const ask = (client: string, method = 'debug_traceTransaction'): RpcCall => {
    const call = rpcCall(method, '[]', { client })
    void Promise.resolve(pool.attempt(call)).then((outcome) => outcomes.push(outcome))
    return call
  }
  const running = (client: string, name = 'a') =>
    [...network.upstreams.find((one) => one.name === name)!.inFlight].filter(({ call }) => call.client === client)
      .length
  const answer = async (at: number): Promise<void> => {
    attempts[at]!.receiver.onHeard()
    attempts[at]!.receiver.onOutcome(goodAnswer(attempts[at]!.upstream.name))
    await clock.advance(0)
  }
  return { clock, network, pool, attempts, outcomes, suspected, ask, running, answer }
}

describe('one client that asks for more than it gets', () => {
  it('leaves places for the next ones, and the more of them there are, the fewer each has', () => {
    const { network, ask, running } = stage()
    for (let n = 0; n < 300; n++) ask('hog')
    assert.equal(running('hog'), 192)
    for (let n = 0; n < 300; n++) ask('second')
    assert.ok(running('second') >= 45, `${running('second')}`)
    ask('third', 'eth_call')
    assert.equal(running('third'), 1)
    assert.ok(network.upstreams[0]!.inFlight.size < 256)
  })

  it('waits for its own answers, in order, and the upstream is not held to account for it', async () => {
    const { ask, running, answer, attempts, outcomes, suspected } = stage()
    const calls = Array.from({ length: 194 }, () => ask('hog'))
    await answer(0)
    await answer(1)
    assert.equal(running('hog'), 192)
    assert.deepEqual(
      attempts.slice(192).map(({ call }) => call),
      calls.slice(192),
    )
    assert.equal(outcomes.length, 2)
    assert.deepEqual(suspected, [])
  })

  it('goes on to another upstream after a while, where others keep their places as well', async () => {
    const { clock, ask, running } = stage(['a', 'b'])
    for (let n = 0; n < 192; n++) ask('hog')
    for (let n = 0; n < 100; n++) ask('hog')
    assert.deepEqual([running('hog', 'a'), running('hog', 'b')], [192, 0])
    await clock.advance(200)
    assert.deepEqual([running('hog', 'a'), running('hog', 'b')], [192, 100])
  })

  it('takes the place of what nobody waits for any more', () => {
    const { ask, running, attempts } = stage()
    const calls = Array.from({ length: 192 }, () => ask('hog'))
    calls[3]!.trail.settle('answered')
    ask('hog', 'eth_call')
    assert.equal(attempts[3]!.aborted, true)
    assert.equal(attempts.at(-1)!.call.name, 'eth_call')
    assert.equal(running('hog'), 192)
  })

  it('is refused once too many wait, and others may still wait', async () => {
    const { clock, ask, outcomes } = stage()
    for (let n = 0; n < 192 + 6144; n++) ask('hog')
    await clock.advance(0)
    assert.equal(outcomes.length, 0)
    ask('hog')
    await clock.advance(0)
    assert.deepEqual(outcomes.map(refusalReason), ['limited'])
  })

  it('leaves the line when its time is over or it goes away, and when everything ends', async () => {
    const { clock, pool, ask, outcomes, attempts } = stage()
    const calls = Array.from({ length: 195 }, () => ask('hog'))
    calls[192]!.trail.settle('timedOut')
    calls[193]!.trail.settle('unwanted')
    await clock.advance(100)
    assert.deepEqual(outcomes.map(refusalReason), ['deadline', 'deadline'])
    pool.destroy()
    await clock.advance(0)
    assert.equal(outcomes.length, 195)
    assert.equal(attempts.length, 192)
  })
})
