import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome } from '../../rpc/call.ts'
import { effects } from '../../rpc/error-classes.ts'
import { learning } from './learn.ts'
import { ownAnswer } from './pool.ts'
import { newProgress } from './progress.ts'
import type { UpstreamState } from './state.ts'

function stage() {
  const clock = new VirtualClock()
  clock.advance(100_000)
  const network = wellNetwork({ upstreams: ['a'] })
  const [upstream] = network.upstreams as [UpstreamState]
  const disturbed: string[] = []
  const moved: string[] = []
  const observer = learning({
    network,
    breaker: { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 },
    clock,
    disturbed: ({ name }) => disturbed.push(name),
    breakerMoved: ({ breaker }) => moved.push(breaker.phase),
  })
  const end = (outcome: Outcome, method = 'eth_call'): void => {
    const call = rpcCall(method)
    const attempt = {
      upstream,
      call,
      startedAt: 0,
      stuck: false,
      abandoned: false,
      outrun: false,
      place: -1,
      abort() {},
    }
    observer.ended({ ...attempt, trouble: undefined, progress: newProgress() }, outcome, 1)
  }
  return { clock, network, upstream, disturbed, moved, observer, end }
}

const cutShort: Outcome = {
  ...ownAnswer({ reason: 'upstreamFailed' }),
  verdict: { class: 'UNKNOWN', rule: 'cut short here', effect: effects.UNKNOWN },
}

describe('the end of an attempt', () => {
  it('counts a failure of the node at once: trouble, a failure in a row, a look from the probe', () => {
    const { clock, network, upstream, disturbed, end } = stage()
    end(badAnswer('a', 'NODE'))
    assert.deepEqual([upstream.failuresInARow, upstream.failures, upstream.answers], [1, 1, 1])
    assert.equal(network.lastTroubleAt, clock.now())
    assert.equal(upstream.lastError, 'eth_call: rule of NODE')
    assert.deepEqual(disturbed, ['a'])
  })

  it('ends a row of failures when it is good', () => {
    const { upstream, end } = stage()
    end(badAnswer('a', 'NODE'))
    end(goodAnswer('a'))
    assert.equal(upstream.failuresInARow, 0)
  })

  it('ends a row of failures by a verdict on the call, not by an error that nobody knows', () => {
    const { upstream, end } = stage()
    end(badAnswer('a', 'NODE'))
    end(badAnswer('a', 'UNKNOWN'))
    assert.equal(upstream.failuresInARow, 1)
    end(badAnswer('a', 'REVERT'))
    assert.equal(upstream.failuresInARow, 0)
  })

  it('cordons a node that refuses our key, not one to which clients bring theirs', () => {
    const ours = stage()
    ours.end(badAnswer('a', 'AUTH'))
    assert.equal(ours.upstream.cordonReason, 'it refuses our key')
    const theirs = stage()
    Object.assign(theirs.upstream, { options: { ...theirs.upstream.options, passHeaders: ['authorization'] } })
    theirs.end(badAnswer('a', 'AUTH'))
    assert.equal(theirs.upstream.cordonReason, undefined)
  })

  it('blames no upstream for verdicts on the call', () => {
    const { upstream, end } = stage()
    for (const errorClass of ['REVERT', 'CLIENT', 'TXREJ', 'DUP', 'NONCE', 'UNKNOWN'] as const)
      end(badAnswer('a', errorClass))
    assert.deepEqual([upstream.failuresInARow, upstream.failures, upstream.breaker.phase], [0, 0, 'closed'])
  })

  it('says nothing when it was our doing, but releases a trial for the next attempt', () => {
    const { upstream, end } = stage()
    upstream.breaker.phase = 'trial'
    end(cutShort)
    assert.deepEqual([upstream.answers, upstream.breaker.phase], [0, 'open'])
  })

  it('opens the breaker, and tells of it once', () => {
    const { moved, end } = stage()
    for (let n = 0; n < 25; n++) end(badAnswer('a', 'NODE'))
    assert.deepEqual(moved, ['open'])
  })

  it('remembers a method that is not there, up to a number that no client can exceed', () => {
    const { upstream, end } = stage()
    end(badAnswer('a', 'UNSUP'), 'trace_block')
    assert.ok(upstream.unsupported.has('trace_block'))
    for (let n = 0; n < 1000; n++) end(badAnswer('a', 'UNSUP'), `invented_${n}`)
    assert.equal(upstream.unsupported.size, 500)
    upstream.unsupported.clear()
    end(badAnswer('a', 'UNSUP'), 'x'.repeat(1_000_000))
    assert.equal(upstream.unsupported.size, 0, 'nor a name that nobody can afford to keep')
  })

  it('takes an upstream out that refuses our key or whose plan is spent, for ten minutes', () => {
    for (const errorClass of ['AUTH', 'BILL'] as const) {
      const { clock, upstream, disturbed, end } = stage()
      end(badAnswer('a', errorClass))
      assert.equal(upstream.cordonedUntil, clock.now() + 600_000)
      assert.ok(upstream.cordonReason !== undefined)
      assert.deepEqual(disturbed, ['a'])
    }
  })

  it('takes an upstream out that says it is catching up, until a probe says otherwise', () => {
    const { upstream, disturbed, end } = stage()
    end(badAnswer('a', 'SYNC'))
    assert.ok(upstream.syncing !== undefined)
    assert.deepEqual(disturbed, ['a'])
  })
})

describe('an upstream that asks us to slow down', () => {
  it('is left alone as long as it says, and half a minute at most', () => {
    const { clock, upstream, end } = stage()
    end(badAnswer('a', 'RATE', { retryAfterMs: 2500 }))
    assert.equal(upstream.pausedUntil, clock.now() + 2500)
    clock.advance(10_000)
    end(badAnswer('a', 'RATE', { retryAfterMs: 600_000 }))
    assert.equal(upstream.pausedUntil, clock.now() + 30_000)
  })

  it('is left alone for a second when it does not say, twice as long when it says so again soon, and anew later', () => {
    const { clock, upstream, end } = stage()
    const pauses: number[] = []
    const pause = (): void => {
      end(badAnswer('a', 'RATE'))
      pauses.push(upstream.pausedUntil - clock.now())
      clock.advance(upstream.pausedUntil - clock.now())
    }
    for (let n = 0; n < 7; n++) pause()
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    clock.advance(60_000)
    pause()
    assert.equal(pauses.at(-1), 1000)
  })

  it('is not left alone longer for what was in flight when it said so', () => {
    const { clock, upstream, end } = stage()
    for (let n = 0; n < 10; n++) end(badAnswer('a', 'RATE'))
    assert.equal(upstream.pausedUntil, clock.now() + 1000)
  })

  it('is not blamed for it', () => {
    const { upstream, end } = stage()
    end(badAnswer('a', 'RATE'))
    assert.equal(upstream.failuresInARow, 0)
  })
})

describe('a silent upstream', () => {
  it('is trouble, and worth a look', () => {
    const { clock, network, upstream, disturbed, observer } = stage()
    observer.suspected(upstream)
    assert.equal(network.lastTroubleAt, clock.now())
    assert.deepEqual(disturbed, ['a'])
  })
})

describe('a contradicted upstream', () => {
  it('is blamed as for a failure of its own', () => {
    const { upstream, observer } = stage()
    observer.contradicted('a', 'no rule')
    observer.contradicted('nobody', 'no rule')
    assert.equal(upstream.failuresInARow, 1)
    assert.match(upstream.lastError!, /contradicted/)
  })
})
