import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, refusalReason, rpcCall, ScriptedSource, settled } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { effects } from '../../rpc/error-classes.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { type RaceReason, race } from './race.ts'

interface Stage {
  readonly clock: VirtualClock
  readonly call: RpcCall
  readonly started: RaceReason[]
  /** Whether each rescue was right, once its call is over. */
  readonly rescues: boolean[]
  /** Answers the nth attempt, counted from 0. */
  answer(attempt: number, outcome: Outcome): void
  fail(attempt: number, error: Error): void
  readonly outcome: Promise<Outcome>
  readonly attempts: number
  /** What came of it, undefined while it runs. */
  result(): Promise<Outcome | undefined>
}

interface Wishes {
  readonly call?: RpcCall
  readonly hedgeAfter?: number | undefined
  readonly mayHedge?: boolean
  readonly mayRescue?: boolean
  /** Upstreams that can be asked; after that an attempt finds nobody. */
  readonly upstreams?: number
}

function stage({ call = rpcCall(), hedgeAfter, mayHedge = true, mayRescue = true, upstreams = 9 }: Wishes = {}): Stage {
  const clock = new VirtualClock()
  const started: RaceReason[] = []
  const rescues: boolean[] = []
  const running: { resolve(outcome: Outcome): void; reject(error: Error): void }[] = []
  const policy = race<RpcCall>({
    clock,
    hedgeAfter: () => hedgeAfter,
    mayHedge: () => mayHedge,
    mayRescue: (_, overdue) => overdue || mayRescue,
    started: (_, reason) => started.push(reason),
    rescueEnded: (_, right) => rescues.push(right),
  })
  const handler = policy((asked) => {
    if (running.length >= upstreams) return ownAnswer({ reason: 'upstreamFailed' })
    asked.trail.attempts++
    return new Promise((resolve, reject) => running.push({ resolve, reject }))
  })
  const outcome = Promise.resolve(handler(call))
  return {
    clock,
    call,
    started,
    rescues,
    outcome,
    answer: (attempt, answer) => running[attempt]!.resolve(answer),
    fail: (attempt, error) => running[attempt]!.reject(error),
    get attempts() {
      return running.length
    },
    result: async () => {
      await settled()
      return Promise.race([outcome, Promise.resolve(undefined)])
    },
  }
}

describe('attempts that race', () => {
  it('start a second beside a slow one at the given time; the first good answer wins', async () => {
    const { clock, answer, result, started, ...rest } = stage({ hedgeAfter: 50 })
    clock.advance(49)
    assert.deepEqual(started, [])
    clock.advance(1)
    assert.deepEqual(started, ['hedge'])
    answer(1, goodAnswer('b'))
    assert.equal((await result())?.upstream, 'b')
    answer(0, goodAnswer('a'))
    assert.equal((await rest.outcome).upstream, 'b')
  })

  it('start none when the first was quick, when the budget is used up, or when there is to be no hedge', async () => {
    const quick = stage({ hedgeAfter: 50 })
    quick.answer(0, goodAnswer('a'))
    await quick.outcome
    assert.equal(quick.clock.nextDue, undefined, 'the timer is cleared')
    const poor = stage({ hedgeAfter: 50, mayHedge: false })
    poor.clock.advance(1000)
    const never = stage()
    never.clock.advance(100_000)
    assert.deepEqual([quick.started, poor.started, never.started], [[], [], []])
  })

  it('start one at once when the upstream of a running one falls silent, hedge or no hedge', async () => {
    const { call, started, answer, result } = stage({ mayHedge: false })
    call.trail.onStuck?.()
    assert.deepEqual(started, ['rescue'])
    answer(1, goodAnswer('b'))
    assert.equal((await result())?.upstream, 'b')
    assert.equal(call.trail.onStuck, undefined)
  })

  it('tell of each rescue whether it was right: it answered well in less than half the time that the first had had', async () => {
    const rescuedAt = async (waitedMs: number, tookMs: number, answer: Outcome): Promise<boolean[]> => {
      const on = stage()
      on.call.trail.tried.push({ name: 'a' })
      on.clock.advance(waitedMs)
      on.call.trail.onStuck?.()
      on.clock.advance(tookMs)
      on.answer(answer.upstream === 'a' ? 0 : 1, answer)
      await on.result()
      return on.rescues
    }
    assert.deepEqual(await rescuedAt(100, 49, goodAnswer('b')), [true])
    assert.deepEqual(await rescuedAt(100, 51, goodAnswer('b')), [false])
    assert.deepEqual(await rescuedAt(100, 1, goodAnswer('a')), [false])
    assert.deepEqual(await rescuedAt(100, 1, badAnswer('b', 'REVERT')), [false])
  })

  it('wait for their turn to rescue, unless they have waited eight times as long already', () => {
    const on = stage({ mayRescue: false })
    on.clock.advance(100)
    on.call.trail.onStuck?.()
    on.clock.advance(690)
    assert.deepEqual(on.started, [])
    on.clock.advance(20)
    assert.deepEqual(on.started, ['rescue'])
  })

  it('never double a call that may not be repeated', async () => {
    const { call, clock, attempts } = stage({ call: rpcCall('eth_sendTransaction'), hedgeAfter: 10 })
    assert.equal(call.trail.onStuck, undefined)
    clock.advance(1000)
    assert.equal(attempts, 1)
  })

  it('wait for the other when the first to come is bad, and take the better of two bad ones', async () => {
    const { clock, answer, result } = stage({ hedgeAfter: 10 })
    clock.advance(10)
    answer(1, badAnswer('b', 'NODE'))
    assert.equal(await result(), undefined)
    answer(0, badAnswer('a', 'MISS'))
    assert.equal((await result())?.upstream, 'a')
  })

  it('do not wait when a bad answer is final: a revert is the answer', async () => {
    const { clock, answer, result } = stage({ hedgeAfter: 10 })
    clock.advance(10)
    answer(1, badAnswer('b', 'REVERT'))
    assert.equal((await result())?.upstream, 'b')
  })

  it('do not end because a second start found nobody to ask', async () => {
    const { call, clock, started, answer, result } = stage({ hedgeAfter: 10, upstreams: 1 })
    clock.advance(10)
    call.trail.onStuck?.()
    assert.deepEqual(started, [], 'what did not start is not counted')
    assert.equal(await result(), undefined)
    answer(0, goodAnswer('a'))
    assert.equal((await result())?.upstream, 'a')
  })

  it('tell what the upstream said, not that there was nobody else', async () => {
    const { clock, answer, result } = stage({ hedgeAfter: 10, upstreams: 1 })
    clock.advance(10)
    answer(0, badAnswer('a', 'NODE'))
    assert.equal((await result())?.upstream, 'a')
  })

  it('start nothing once the call is settled', () => {
    const { call, clock, attempts } = stage({ hedgeAfter: 10 })
    call.trail.settle('timedOut')
    clock.advance(100)
    assert.equal(attempts, 1)
  })

  it('give up what still flows of the losers, whichever way they lose', async () => {
    const late = stage({ hedgeAfter: 10 })
    late.clock.advance(10)
    late.answer(0, goodAnswer('a'))
    await late.outcome
    const flowing = new ScriptedSource()
    late.answer(1, { ...goodAnswer('b'), answer: { kind: 'resultStream', source: flowing } })
    await settled()
    assert.equal(flowing.aborted, 1)

    const early = stage({ hedgeAfter: 10 })
    early.clock.advance(10)
    const page = new ScriptedSource()
    const verdict = { class: 'NODE' as const, rule: 'HTTP 502', effect: effects.NODE }
    early.answer(0, { ...goodAnswer('a'), verdict, answer: { kind: 'http', status: 502, body: page } })
    await settled()
    assert.equal(page.aborted, 0)
    early.answer(1, goodAnswer('b'))
    assert.equal((await early.outcome).upstream, 'b')
    assert.equal(page.aborted, 1)
  })

  it('pass on a refusal that comes at once', async () => {
    assert.equal(refusalReason(await stage({ upstreams: 0, hedgeAfter: 5 }).outcome), 'upstreamFailed')
  })

  it('pass on what is thrown, and stop', async () => {
    const { call, clock, fail, outcome } = stage({ hedgeAfter: 10 })
    fail(0, new Error('a bug'))
    await assert.rejects(outcome, /a bug/)
    assert.equal(clock.nextDue, undefined)
    assert.equal(call.trail.onStuck, undefined)
  })
})
