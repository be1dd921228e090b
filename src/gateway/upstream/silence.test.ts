import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { rpcCall, settled, wellNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import { newProgress } from './progress.ts'
import { SilenceWatch, toleratedSilence } from './silence.ts'
import { type Attempt, type AttemptTrouble, historyOf, type UpstreamState } from './state.ts'

function one(): UpstreamState {
  return wellNetwork({ upstreams: ['a'] }).upstreams[0]!
}

describe('the silence that is tolerated', () => {
  const light = rpcCall('eth_chainId')

  it('is four times the p99 of the method there, once that is known', () => {
    const upstream = one()
    for (let n = 0; n < 30; n++) historyOf(upstream, light.label, 0).record(100, 0)
    const silence = toleratedSilence(upstream, light)
    assert.ok(silence >= 400 && silence <= 480, `${silence}`)
  })

  it('is never below 50 ms, however fast the method', () => {
    const upstream = one()
    for (let n = 0; n < 30; n++) historyOf(upstream, light.label, 0).record(0.3, 0)
    assert.equal(toleratedSilence(upstream, light), 50)
  })

  it('depends on the cost of the method while there is no history', () => {
    const upstream = one()
    assert.equal(toleratedSilence(upstream, light), 50)
    assert.equal(toleratedSilence(upstream, rpcCall('eth_call')), 80)
    assert.equal(toleratedSilence(upstream, rpcCall('debug_traceTransaction')), 20_000)
  })

  it('makes allowance for an upstream that is slow in general, and for the little that was seen', () => {
    const upstream = one()
    upstream.overall.record(300, 0)
    assert.ok(toleratedSilence(upstream, light) >= 1200)
    historyOf(upstream, light.label, 0).record(900, 0)
    assert.ok(toleratedSilence(upstream, light) >= 3600)
  })

  it('no longer depends on the general pace when the method has a history of its own', () => {
    const upstream = one()
    for (let n = 0; n < 100; n++) upstream.overall.record(5000, 0)
    for (let n = 0; n < 30; n++) historyOf(upstream, light.label, 0).record(1, 0)
    assert.equal(toleratedSilence(upstream, light), 50)
  })
})

interface Stage {
  readonly clock: VirtualClock
  readonly upstream: UpstreamState
  readonly watch: SilenceWatch
  readonly suspected: number[]
  readonly late: { attempt: Attempt; trouble: AttemptTrouble; at: number }[]
  begin(method?: string, patienceMs?: number): Attempt
  end(attempt: Attempt): void
  hear(): void
  /** Lets time pass in steps, with a turn of the event loop after each. */
  pass(ms: number): Promise<void>
}

function stage(): Stage {
  const clock = new VirtualClock()
  const upstream = one()
  const suspected: number[] = []
  const late: Stage['late'][number][] = []
  const watch = new SilenceWatch(clock, {
    silent: (who) => {
      who.suspect = true
      suspected.push(clock.now())
    },
    late: (attempt, trouble) => {
      attempt.trouble = trouble
      late.push({ attempt, trouble, at: clock.now() })
    },
  })
  return {
    clock,
    upstream,
    watch,
    suspected,
    late,
    begin: (method = 'eth_chainId', patienceMs) => {
      const call = rpcCall(method, undefined, { patienceMs })
      const attempt: Attempt = {
        ...{ upstream, call, startedAt: clock.now(), stuck: false, abandoned: false, outrun: false, place: -1 },
        ...{ trouble: undefined, progress: newProgress(), abort() {} },
      }
      upstream.inFlight.add(attempt)
      watch.began(attempt)
      return attempt
    },
    end: (attempt) => upstream.inFlight.delete(attempt),
    hear: () => {
      upstream.lastAnswerAt = clock.now()
      upstream.suspect = false
    },
    pass: async (ms) => {
      for (let left = ms; left > 0; left -= 10) {
        clock.advance(Math.min(10, left))
        await settled()
      }
    },
  }
}

describe('the watch for silence', () => {
  it('suspects an upstream that says nothing for as long as is tolerated', async () => {
    const { begin, pass, suspected } = stage()
    begin()
    await pass(40)
    assert.deepEqual(suspected, [])
    await pass(20)
    assert.deepEqual(suspected, [50])
  })

  it('counts from the last sign of life: one that answers others is slow, not silent', async () => {
    const { begin, pass, hear, suspected } = stage()
    begin()
    for (let n = 0; n < 20; n++) {
      await pass(40)
      hear()
    }
    assert.deepEqual(suspected, [])
    await pass(60)
    assert.deepEqual(suspected, [850])
  })

  it('gives each call the patience of its method, and goes by the one that ends first', async () => {
    const { begin, end, pass, suspected } = stage()
    begin('eth_call')
    const quick = begin('eth_chainId')
    await pass(30)
    end(quick)
    await pass(40)
    assert.deepEqual(suspected, [])
    await pass(20)
    assert.deepEqual(suspected, [80])
  })

  it('sets no timer while nothing is in flight, and one while something is', async () => {
    const { begin, end, pass, clock, suspected } = stage()
    assert.equal(clock.nextDue, undefined)
    const attempts = [begin(), begin(), begin()]
    for (const attempt of attempts) end(attempt)
    await pass(50)
    assert.equal(clock.nextDue, undefined)
    assert.deepEqual(suspected, [])
  })

  it('reads what has come in first when it was the gateway that slept', async () => {
    const { begin, clock, hear, suspected } = stage()
    begin()
    clock.advance(5000)
    hear()
    await settled()
    assert.deepEqual(suspected, [])
  })

  it('does not blame an upstream for a call that has only just begun', async () => {
    const { begin, end, clock, suspected } = stage()
    const refused = begin()
    clock.advance(50)
    end(refused)
    begin()
    await settled()
    assert.deepEqual(suspected, [])
    clock.advance(50)
    await settled()
    assert.deepEqual(suspected, [100])
  })

  it('ignores attempts that nobody waits for', async () => {
    const { begin, pass, suspected } = stage()
    begin().abandoned = true
    await pass(100)
    assert.deepEqual(suspected, [])
    const given = begin()
    await pass(45)
    given.abandoned = true
    await pass(100)
    assert.deepEqual(suspected, [])
  })

  it('suspects once, and again after a sign of life', async () => {
    const { begin, pass, hear, suspected } = stage()
    begin()
    await pass(60)
    begin()
    await pass(200)
    assert.equal(suspected.length, 1)
    hear()
    begin()
    await pass(60)
    assert.equal(suspected.length, 2)
  })

  it('is still when it is closed', async () => {
    const { begin, pass, watch, suspected } = stage()
    begin()
    watch.close()
    await pass(100)
    assert.deepEqual(suspected, [])
  })
})

describe('an attempt on its own', () => {
  const known = (all: Stage, method = 'eth_chainId', ms = 2): void => {
    for (let n = 0; n < 60; n++) historyOf(all.upstream, rpcCall(method).label, 0).record(ms, 0)
  }
  /** Passes time in which others of the upstream are answered. */
  const amongOthers = async ({ pass, hear }: Stage, ms: number, also = (): void => {}): Promise<void> => {
    for (let left = ms; left > 0; left -= 20) {
      await pass(20)
      hear()
      also()
    }
  }
  const begun = (all: Stage, attempt: Attempt): void => {
    attempt.progress.heardAt = all.clock.now()
    all.hear()
    all.watch.heard(attempt)
  }
  const piece = (attempt: Attempt, bytes: number): void => {
    attempt.progress.bytes += bytes
    attempt.progress.pieces++
  }

  it('is late when others are answered and it is not, for much longer than is usual', async () => {
    const all = stage()
    known(all)
    all.begin()
    await amongOthers(all, 200)
    assert.deepEqual([all.suspected, all.late.map(({ trouble, at }) => [trouble, at])], [[], [['silent', 100]]])
  })

  it('has the patience of what is usual, not of what hangs now and then', async () => {
    const all = stage()
    known(all, 'eth_chainId', 20)
    for (let n = 0; n < 20; n++) historyOf(all.upstream, 'eth_chainId', 0).record(10_000, 0)
    all.begin()
    await amongOthers(all, 300)
    assert.equal(all.late.length, 0)
    await amongOthers(all, 200)
    assert.equal(all.late.length, 1)
  })

  it('is waited for a third of its time at most, however little is known of its method', async () => {
    const all = stage()
    all.begin('debug_traceTransaction')
    await amongOthers(all, 9_900)
    assert.equal(all.late.length, 0)
    await amongOthers(all, 200)
    assert.equal(all.late.length, 1)
  })

  it('is the sooner late the more of its kind say nothing, and never as soon as one whose method is known', async () => {
    const all = stage()
    for (let n = 0; n < 10; n++) {
      all.begin('debug_traceTransaction')
      await amongOthers(all, 100)
    }
    assert.equal(all.late.length, 0)
    await amongOthers(all, 1000)
    const [first] = all.late
    assert.ok(first !== undefined && first.at <= 2000, `${first?.at}`)
    const other = stage()
    for (let n = 0; n < 100; n++) other.begin('debug_traceTransaction')
    await amongOthers(other, 980)
    assert.equal(other.late.length, 0)
  })

  it('has less of it from the first answers on: what takes vastly longer than they did is late', async () => {
    const all = stage()
    for (let n = 0; n < 3; n++) historyOf(all.upstream, rpcCall('debug_traceTransaction').label, 0).record(5, 0)
    all.begin('debug_traceTransaction')
    await amongOthers(all, 1900)
    assert.equal(all.late.length, 0)
    await amongOthers(all, 200)
    assert.equal(all.late.length, 1)
  })

  it('is stalled when its answer has begun and comes no further', async () => {
    const all = stage()
    known(all)
    const attempt = all.begin()
    await amongOthers(all, 40)
    begun(all, attempt)
    piece(attempt, 100)
    await amongOthers(all, 400)
    assert.deepEqual(
      all.late.map(({ trouble }) => trouble),
      ['stalled'],
    )
  })

  it('is stalled when its answer drips, even where its method has time', async () => {
    for (const method of ['eth_chainId', 'debug_traceTransaction']) {
      const all = stage()
      const attempt = all.begin(method)
      begun(all, attempt)
      await amongOthers(all, 400, () => piece(attempt, 1))
      assert.deepEqual([method, all.late.map(({ trouble }) => trouble)], [method, ['stalled']])
    }
  })

  it('is not in trouble while a long answer comes at a fair rate', async () => {
    const all = stage()
    known(all)
    const attempt = all.begin()
    begun(all, attempt)
    await amongOthers(all, 3000, () => piece(attempt, 1000))
    assert.deepEqual([all.late, all.suspected], [[], []])
    await amongOthers(all, 600, () => piece(attempt, 1))
    assert.equal(all.late.length, 1)
  })

  it('may compute for as long as its method does after it has begun', async () => {
    const all = stage()
    const attempt = all.begin('debug_traceTransaction')
    begun(all, attempt)
    piece(attempt, 40)
    await amongOthers(all, 5000)
    assert.deepEqual(all.late, [])
  })

  it('has exactly the time that its call grants, and is no sign of silence', async () => {
    const all = stage()
    all.begin('eth_chainId', 3000)
    all.begin('eth_chainId', Number.POSITIVE_INFINITY)
    await all.pass(2990)
    assert.deepEqual([all.late, all.suspected], [[], []])
    await all.pass(60_000)
    assert.deepEqual([all.late.map(({ at }) => at), all.suspected], [[3000], []])
  })

  it('is told of once', async () => {
    const all = stage()
    known(all)
    all.begin()
    await amongOthers(all, 2000)
    assert.equal(all.late.length, 1)
  })
})
