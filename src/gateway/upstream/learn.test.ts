import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome } from '../../rpc/call.ts'
import { effects } from '../../rpc/error-classes.ts'
import { noteFailure } from './health.ts'
import { learning } from './learn.ts'
import { ownAnswer } from './pool.ts'
import { newProgress } from './progress.ts'
import { choose } from './selection.ts'
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
    breaker: rule,
    clock,
    disturbed: ({ name }) => disturbed.push(name),
    breakerMoved: ({ breaker }) => moved.push(breaker.phase),
  })
  const end = (outcome: Outcome, method = 'eth_call', params?: string): void => {
    const call = rpcCall(method, params)
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

const unsupported = badAnswer('a', 'UNSUP')
const missing: Outcome = { ...unsupported, verdict: { ...unsupported.verdict!, basis: 'code' } }
const limited = (more: Partial<Outcome> = {}): Outcome => {
  const outcome = badAnswer('a', 'RATE', more)
  return { ...outcome, verdict: { ...outcome.verdict!, basis: 'status' } }
}
const pruned = badAnswer('a', 'MISS')
const gone: Outcome = {
  ...pruned,
  verdict: { ...pruned.verdict!, effect: { ...effects.MISS, retry: 'archive', remember: 'historyBound' } },
}
const rule = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }
const context = (now: number) => ({ tried: [], breaker: rule, random: seededRandom(1), now })

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

  it('does not end a row of failures by what a client is told of its own call', () => {
    const { upstream, end } = stage()
    end(badAnswer('a', 'NODE'))
    for (const errorClass of ['CLIENT', 'UNSUP', 'RANGE', 'RATE'] as const) end(badAnswer('a', errorClass))
    assert.equal(upstream.failuresInARow, 1)
  })

  it('takes nobody out by calls that were sent, however many fail: the next probe does', () => {
    const { network, upstream, end } = stage()
    for (let n = 0; n < 50; n++) end(badAnswer('a', 'NODE'))
    assert.deepEqual([upstream.down, upstream.failuresInARow], [false, network.maxFailures - 1])
    noteFailure(network, upstream, 'a probe failed')
    assert.equal(upstream.down, true)
  })

  it('takes a node out that cannot be reached: no request can be the reason', () => {
    const { upstream, end } = stage()
    for (let n = 0; n < 3; n++) end(badAnswer('a', 'NODE', { mayHaveActed: false }))
    assert.equal(upstream.down, true)
  })

  it('does not open the breaker while other calls are answered well', () => {
    const { clock, moved, end } = stage()
    for (let n = 0; n < 100; n++) {
      end(badAnswer('a', 'NODE'), 'debug_traceCall')
      if (n % 20 === 0) end(goodAnswer('a'))
    }
    assert.deepEqual(moved, [])
    clock.advance(6000)
    end(badAnswer('a', 'NODE'), 'debug_traceCall')
    assert.deepEqual(moved, ['open'])
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
    end(missing, 'trace_block')
    assert.ok(upstream.unsupported.has('trace_block'))
    for (let n = 0; n < 1000; n++) end(missing, `invented_${n}`)
    assert.equal(upstream.unsupported.size, 500)
    upstream.unsupported.clear()
    end(missing, 'x'.repeat(1_000_000))
    assert.equal(upstream.unsupported.size, 0, 'nor a name that nobody can afford to keep')
  })

  it('forgets that a method was missing as soon as it answers', () => {
    const { upstream, end } = stage()
    end(missing, 'eth_call')
    assert.ok(upstream.unsupported.has('eth_call'))
    end(goodAnswer('a'), 'eth_call')
    assert.equal(upstream.unsupported.size, 0)
  })

  it('does not believe that a method is missing which it has answered, nor words and statuses', () => {
    const { upstream, end } = stage()
    end(goodAnswer('a'), 'eth_call')
    end(missing, 'eth_call')
    for (let n = 0; n < 10; n++) end(badAnswer('a', 'UNSUP'), 'trace_block')
    assert.equal(upstream.unsupported.size, 0)
  })

  it('remembers history that is gone, but not by the words of a script, nor of blocks near its head', () => {
    const { upstream, end } = stage()
    upstream.head = 1000
    end(gone, 'debug_traceCall', '[{},"0x10"]')
    end(gone, 'eth_getBalance', '["0x00","0x3e0"]')
    assert.equal(upstream.historyFrom, 0)
    end(gone, 'eth_getBalance', '["0x00","0x10"]')
    assert.equal(upstream.historyFrom, 17)
  })

  it('calls for a look, once a second, when one call is told what would hold for all, and remembers nothing else', () => {
    for (const errorClass of ['AUTH', 'BILL', 'SYNC', 'RATE'] as const) {
      const { clock, network, upstream, disturbed, end } = stage()
      for (let n = 0; n < 10; n++) end(badAnswer('a', errorClass), 'debug_traceCall')
      assert.deepEqual(disturbed, ['a'])
      clock.advance(1000)
      end(badAnswer('a', errorClass), 'debug_traceCall')
      assert.deepEqual(disturbed, ['a', 'a'])
      const { cordonReason, syncing, pausedUntil, down, failuresInARow } = upstream
      assert.deepEqual([cordonReason, syncing, pausedUntil, down, failuresInARow], [undefined, undefined, 0, false, 0])
      const choice = choose(network, rpcCall('eth_call'), context(clock.now()))
      assert.equal(choice.kind, 'upstream')
    }
  })
})

describe('an upstream that refuses a method', () => {
  it('is asked last for it from the second refusal on, and for nothing else', () => {
    const { clock, upstream, end } = stage()
    const rest = (label = 'eth_call'): number => upstream.rests.restOf(label, clock.now())
    end(limited({ retryAfterMs: 2500 }))
    assert.equal(rest(), 0, 'one may be the doing of one request')
    end(limited({ retryAfterMs: 2500 }))
    assert.deepEqual([rest(), rest('eth_getBalance')], [2500, 0])
    end(limited({ retryAfterMs: 600_000 }))
    assert.equal(rest(), 2500, 'what was in flight tells no worse news')
    clock.advance(2500)
    end(limited({ retryAfterMs: 600_000 }))
    assert.equal(rest(), 30_000)
    end(goodAnswer('a'))
    for (let n = 0; n < 10; n++) end(limited())
    assert.equal(rest(), 0, 'a good answer contradicts it, for a while')
    for (let n = 0; n < 10; n++) end(badAnswer('a', 'RATE'), 'eth_getLogs')
    assert.equal(rest('eth_getLogs'), 0, 'words are anybody’s')
  })

  it('rests for a second at first when it does not say, twice as long each time', () => {
    const { clock, upstream, end } = stage()
    end(limited())
    const pauses = Array.from({ length: 7 }, () => {
      end(limited())
      const ms = upstream.rests.restOf('eth_call', clock.now())
      clock.advance(ms)
      return ms
    })
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  })

  it('is never closed to others by it: alone, it is still asked', () => {
    const { clock, network, end } = stage()
    for (let n = 0; n < 10; n++) end(limited())
    assert.equal(choose(network, rpcCall('eth_call'), context(clock.now())).kind, 'upstream')
  })

  it('is not blamed for it', () => {
    const { upstream, end } = stage()
    end(limited())
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
