import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { badAnswer, goodAnswer, rpcCall, ScriptedCarrier, settled, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { type RestCall, Trail } from '../../rpc/call.ts'
import type { ErrorClass } from '../../rpc/error-classes.ts'
import { type AttemptObserver, ownAnswer, Pool } from '../upstream/pool.ts'
import { Everyone } from './everyone.ts'

const target = '/eth/v1/validator/prepare_beacon_proposer'
const announcement = (index: number, more: Partial<RestCall> = {}): RestCall => ({
  ...rpcCall(),
  ...{ name: `POST ${target}`, label: `POST ${target}`, verb: 'POST', target, endless: false, everyone: true },
  body: Buffer.from(`[{"validator_index":"${index}"}]`),
  trail: new Trail(),
  ...more,
})

function stage(upstreams: readonly string[] = ['a', 'b']) {
  const clock = new VirtualClock()
  const network = wellNetwork({ upstreams })
  const { attempts, carrier } = new ScriptedCarrier<RestCall>()
  const breaker = { failureRatio: 2, minimumCalls: 20, openMs: 10_000 }
  const outrun: string[] = []
  const observer: AttemptObserver = {
    ended: () => {},
    suspected: () => {},
    outrun: ({ upstream }) => outrun.push(upstream.name),
  }
  const pool = new Pool<RestCall>({ network, breaker, clock, random: seededRandom(1), observers: [observer] }, carrier)
  const everyone = new Everyone({ network, pool, clock })
  const asked: RestCall[] = []
  const handler = everyone.policy((call) => {
    asked.push(call)
    return ownAnswer({ reason: 'noUpstream' })
  })
  /** Answers what waits at an upstream. */
  const answer = async (name: string, errorClass?: ErrorClass): Promise<void> => {
    for (const attempt of attempts.splice(0)) {
      if (attempt.upstream.name !== name) attempts.push(attempt)
      else {
        attempt.receiver.onHeard()
        attempt.receiver.onOutcome(errorClass === undefined ? goodAnswer(name) : badAnswer(name, errorClass))
      }
    }
    await settled()
  }
  const waiting = (): string[] => attempts.map(({ upstream, call }) => `${upstream.name} ${(call as RestCall).body}`)
  const [a, b] = network.upstreams as [(typeof network.upstreams)[number], (typeof network.upstreams)[number]]
  return { clock, network, everyone, handler, asked, attempts, answer, waiting, outrun, a, b }
}

describe('telling every node', () => {
  it('answers with the first success, and does not wait for the others', async () => {
    const { handler, answer, attempts } = stage(['a', 'b', 'c'])
    const outcome = handler(announcement(1)) as Promise<{ upstream?: string }>
    assert.equal(attempts.length, 3)
    await answer('a', 'NODE')
    await answer('c')
    assert.equal((await outcome).upstream, 'c')
  })

  it('holds nothing against a node that takes longer than another', async () => {
    const { clock, handler, answer, attempts, outrun, a } = stage()
    const call = announcement(1)
    const outcome = handler(call) as Promise<unknown>
    clock.advance(1)
    await answer('b')
    await outcome
    call.trail.settle('answered')
    assert.equal(call.trail.attempts, 2)
    clock.advance(1000)
    assert.deepEqual([outrun, attempts[0]?.aborted, a.inFlight.size], [[], false, 1])
    clock.advance(10_000)
    assert.deepEqual([attempts[0]?.aborted, a.inFlight.size], [true, 0])
  })

  it('leaves to the usual way what is for one node, what flows by, and what nobody can take now', async () => {
    const { handler, asked, attempts, network } = stage()
    void handler(announcement(1, { everyone: false }))
    void handler(announcement(1, { directive: { upstream: 'a' } }))
    void handler(announcement(1, { body: undefined }))
    for (const upstream of network.upstreams) upstream.eligible = false
    void handler(announcement(1))
    assert.deepEqual([asked.length, attempts.length], [4, 0])
  })

  it('tells a node again that failed, but not at once and not for ever', async () => {
    const { clock, handler, answer, waiting, everyone, b } = stage()
    void handler(announcement(1))
    await answer('a')
    await answer('b', 'NODE')
    everyone.checked(b, false)
    assert.deepEqual(waiting(), [])
    clock.advance(5000)
    everyone.checked(b, false)
    assert.deepEqual(waiting(), ['b [{"validator_index":"1"}]'])
    await answer('b', 'NODE')
    everyone.checked(b, false)
    assert.deepEqual(waiting(), [])
    clock.advance(5000)
    everyone.checked(b, false)
    await answer('b')
    clock.advance(60_000)
    everyone.checked(b, false)
    assert.deepEqual(waiting(), [])
  })

  it('does not offer again what a node refuses for good', async () => {
    const { clock, handler, answer, waiting, everyone, b } = stage()
    void handler(announcement(1))
    await answer('a')
    await answer('b', 'UNSUP')
    clock.advance(60_000)
    everyone.checked(b, false)
    assert.deepEqual(waiting(), [])
  })

  it('gives a repeat up that is not answered', async () => {
    const { clock, handler, answer, attempts, everyone, b } = stage()
    void handler(announcement(1))
    await answer('a')
    await answer('b')
    everyone.checked(b, true)
    everyone.checked(b, false)
    assert.equal(attempts.length, 1)
    clock.advance(10_000)
    assert.equal(attempts[0]?.aborted, true)
    assert.equal(b.inFlight.size, 0)
  })

  it('leaves every node that is well with the last word of every client, whatever came and went', async () => {
    const step = fc.record({
      what: fc.constantFrom('say', 'lose', 'return'),
      at: fc.nat(2),
      client: fc.nat(3),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const all = stage(['a', 'b', 'c'])
        const knows = all.network.upstreams.map(() => new Map<string, string>())
        const said = new Map<string, string>()
        const deliver = async (): Promise<void> => {
          while (all.attempts.length > 0) {
            for (const { call, upstream } of all.attempts) knows[upstream.index]!.set(clientOf(call), wordOf(call))
            for (const { name } of all.network.upstreams) await all.answer(name)
          }
        }
        let n = 0
        for (const { what, at, client } of steps) {
          const upstream = all.network.upstreams[at]!
          all.clock.advance(1)
          if (what === 'say') {
            const call = announcement(client, { requestId: `word ${n++}`, startedAt: all.clock.now() })
            if (all.network.upstreams.some(({ eligible }) => eligible)) said.set(clientOf(call), wordOf(call))
            void all.handler(call)
          } else {
            upstream.eligible = what === 'return'
            if (what === 'lose') knows[at]!.clear()
            all.everyone.checked(upstream, what === 'lose')
          }
          await deliver()
        }
        for (const { index, eligible } of all.network.upstreams) {
          if (eligible) assert.deepEqual(new Map([...knows[index]!].sort()), new Map([...said].sort()))
        }
      }),
      { numRuns: 60 },
    )
  })
})

const clientOf = (call: object): string => String((call as RestCall).body)
const wordOf = (call: object): string => (call as RestCall).requestId
