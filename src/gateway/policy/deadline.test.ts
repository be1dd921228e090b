import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, refusalReason, rpcCall, settled } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { derivedCall, type Outcome, type RpcCall, type RunningAttempt } from '../../rpc/call.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { deadline } from './deadline.ts'

function stage() {
  const clock = new VirtualClock()
  const call = rpcCall()
  const ends: string[] = []
  const attempt: RunningAttempt = {
    upstream: { name: 'a' },
    abandon: () => ends.push('abandoned'),
    abort: (why) => ends.push(why),
  }
  const answers: ((outcome: Outcome) => void)[] = []
  const policy = deadline<RpcCall>(1000, clock, () => ownAnswer({ reason: 'deadline' }))
  const run = (): Promise<Outcome> =>
    Promise.resolve(
      policy((asked) => {
        asked.trail.running.push(attempt)
        return new Promise((resolve) => answers.push(resolve))
      })(call),
    )
  return { clock, call, ends, answers, attempt, policy, run }
}

describe('the deadline', () => {
  it('answers in time, and cuts short and blames what still runs', async () => {
    const { clock, call, ends, run } = stage()
    const outcome = run()
    clock.advance(999)
    assert.deepEqual(ends, [])
    clock.advance(1)
    assert.equal(refusalReason(await outcome), 'deadline')
    assert.deepEqual([ends, call.trail.settled], [['timedOut'], true])
  })

  it('lets losers of an answered call run on, and leaves no timer', async () => {
    const { clock, ends, answers, run } = stage()
    const outcome = run()
    answers[0]!(goodAnswer('a'))
    assert.equal((await outcome).upstream, 'a')
    assert.deepEqual(ends, ['abandoned'])
    assert.equal(clock.nextDue, undefined)
  })

  it('takes an answer that comes at once', async () => {
    const { clock, call, policy } = stage()
    assert.equal((await policy(() => goodAnswer('a'))(call)).upstream, 'a')
    assert.deepEqual([call.trail.settled, clock.nextDue], [true, undefined])
  })

  it('cuts everything short for a client that went away, and blames nobody', async () => {
    const { clock, call, ends, run } = stage()
    void run()
    call.cancellation.cancel()
    assert.deepEqual(ends, ['unwanted'])
    assert.equal(clock.nextDue, undefined)
  })

  it('ends further calls on behalf of the first, too', async () => {
    const { clock, call, ends, attempt, run } = stage()
    const outcome = run()
    derivedCall(call, 'eth_getTransactionByHash', '[]').trail.running.push(attempt)
    clock.advance(1000)
    await outcome
    assert.deepEqual(ends, ['timedOut', 'timedOut'])
  })

  it('passes on what is thrown, at once or later', async () => {
    const { call, policy } = stage()
    const thrower = (): never => {
      throw new Error('a bug')
    }
    await assert.rejects(async () => policy(thrower)(call), /a bug/)
    await assert.rejects(async () => policy(async () => thrower())(rpcCall()), /a bug/)
    await settled()
  })
})
