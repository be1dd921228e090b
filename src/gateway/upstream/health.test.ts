import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { unknownNetwork, wellNetwork } from '../../../test/fake/gate.ts'
import { noteHead } from './head.ts'
import {
  describeReason,
  type HealthChange,
  headAge,
  noteFailure,
  noteGoodAnswer,
  noteProbeSuccess,
  refresh,
} from './health.ts'
import type { NetworkState, OutReason, UpstreamState } from './state.ts'

const maxFailures = 3

function probed(network: NetworkState, upstream: UpstreamState, head: number, now: number): void {
  noteProbeSuccess(upstream)
  noteHead(upstream, head, network.maxLag, now)
}

/** What must be true of one upstream, told from the events alone. */
class Model {
  failures = 0
  down = false
  seen = false
  eligible = false
  losses: number[] = []
  unwellAt = 0

  fail(): void {
    if (++this.failures >= maxFailures) this.down = true
  }

  succeed(): void {
    this.failures = 0
    this.down = false
    this.seen = true
  }

  answer(): void {
    if (!this.down) this.failures = 0
  }

  hold(): number {
    return this.losses.length <= 3 ? 0 : Math.min(60_000, 2000 * 2 ** (this.losses.length - 4))
  }

  /** @param well whether nothing speaks against it now */
  refresh(well: boolean, now: number): void {
    const was = this.eligible
    if (!well) this.unwellAt = now
    this.eligible = well && (was || now >= this.unwellAt + this.hold())
    if (was && !this.eligible) this.losses = [...this.losses.filter((at) => now - at < 60_000), now]
  }
}

const act = fc.record({
  at: fc.nat(2),
  wait: fc.oneof({ weight: 8, arbitrary: fc.nat(1500) }, fc.nat(90_000)),
  kind: fc.constantFrom('probe', 'probe', 'probe', 'fail', 'answer', 'sync', 'cordon', 'behind', 'otherChain'),
})

describe('the health of a network', () => {
  it('is what the events make it: eligibility, reasons, holds, failover, and the news of them', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 120 }), (acts) => {
        const network = unknownNetwork({
          upstreams: ['a', { name: 'b' }, { name: 'c', tier: 'backup' }],
          chainId: 1,
          maxFailures,
        })
        const models = network.upstreams.map(() => new Model())
        const told = new Set<string>()
        let failover = false
        let now = 0
        let height = 1000
        for (const { at, wait, kind } of acts) {
          now += wait
          height++
          const [upstream, model] = [network.upstreams[at]!, models[at]!]
          if (kind === 'probe' || kind === 'behind') {
            probed(network, upstream, kind === 'behind' ? height - 8 : height, now)
            upstream.syncing = undefined
            upstream.chain = '1'
            model.succeed()
          } else if (kind === 'fail') {
            noteFailure(network, upstream, 'it broke')
            model.fail()
          } else if (kind === 'answer') {
            noteGoodAnswer(upstream)
            model.answer()
          } else if (kind === 'sync') upstream.syncing = 'catching up'
          else if (kind === 'otherChain') upstream.chain = '2'
          else {
            upstream.cordonedUntil = now + 5000
            upstream.cordonReason = 'the plan is spent'
          }
          for (const change of refresh(network, now)) {
            if (change.kind === 'head') assert.equal(change.stands, network.headStands)
            else if (change.kind === 'failover') {
              assert.notEqual(change.active, failover)
              failover = change.active
            } else if (change.kind === 'returned') {
              assert.ok(!told.has(change.upstream.name))
              told.add(change.upstream.name)
            } else told.delete(change.upstream.name)
          }
          network.upstreams.forEach((one, n) => {
            const known = models[n]!
            const fit = known.seen && !known.down && one.syncing === undefined && one.chain !== '2'
            known.refresh(fit && one.cordonedUntil <= now && one.lag <= network.maxLag, now)
            assert.equal(one.eligible, known.eligible, `${one.name}: ${JSON.stringify(one.out)}`)
            assert.equal(one.out === undefined, one.eligible)
            assert.equal(one.down, known.down)
            assert.equal(told.has(one.name), one.eligible)
          })
          const [a, b, c] = models as [Model, Model, Model]
          assert.equal(network.failoverActive, !a.eligible && !b.eligible && c.eligible)
          assert.equal(network.failoverActive, failover)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('loses an upstream after maxFailures in a row and not before, and gets it back with one good probe', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    const [a] = network.upstreams as [UpstreamState]
    for (let n = 0; n < 2; n++) noteFailure(network, a, 'reset')
    assert.deepEqual(refresh(network, 1), [])
    noteFailure(network, a, 'reset')
    const reason: OutReason = { why: 'unreachable', detail: 'reset' }
    assert.deepEqual(refresh(network, 2), [{ kind: 'lost', upstream: a, reason }])
    noteGoodAnswer(a)
    assert.deepEqual(refresh(network, 3), [], 'an answer alone does not bring it back')
    noteProbeSuccess(a)
    assert.deepEqual(refresh(network, 4), [{ kind: 'returned', upstream: a }])
  })

  it('tells of an upstream that was never in service once, when the reason is first known', () => {
    const network = unknownNetwork({ upstreams: ['a'] })
    const [a] = network.upstreams as [UpstreamState]
    assert.deepEqual(refresh(network, 0), [])
    for (let n = 0; n < 3; n++) noteFailure(network, a, 'connection refused')
    assert.deepEqual(
      refresh(network, 1).map(({ kind }) => kind),
      ['lost'],
    )
    noteFailure(network, a, 'connection refused')
    assert.deepEqual(refresh(network, 2), [])
  })

  it('lets a lagging upstream count at once, not after maxFailures', () => {
    const network = wellNetwork({ upstreams: ['a', 'b'] })
    const [a, b] = network.upstreams as [UpstreamState, UpstreamState]
    a.head = 106
    assert.deepEqual(kinds(refresh(network, 0)), ['lost'])
    assert.deepEqual(b.out, { why: 'lagging', lag: 6, limit: 5 })
    b.head = 101
    assert.deepEqual(kinds(refresh(network, 1)), ['returned'])
  })

  it('holds back who comes and goes: nothing for three losses a minute, then 2 s, doubled up to a minute, and decays', () => {
    const network = wellNetwork({ upstreams: ['a', 'b'] })
    const [a] = network.upstreams as [UpstreamState]
    const holds: number[] = []
    let now = 0
    const lose = (): void => {
      a.syncing = 'yes'
      refresh(network, ++now)
      a.syncing = undefined
      const lostAt = now
      while (!a.eligible) {
        now += 100
        refresh(network, now)
      }
      holds.push(Math.floor((now - lostAt) / 1000))
    }
    for (let n = 0; n < 6; n++) lose()
    assert.deepEqual(holds, [0, 0, 0, 2, 4, 8])
    now += 60_000
    lose()
    assert.equal(holds.at(-1), 0)
  })

  it('restarts the hold when an upstream is unwell again before it was over', () => {
    const network = wellNetwork({ upstreams: ['a', 'b'] })
    const [a] = network.upstreams as [UpstreamState]
    a.eligible = false
    a.out = { why: 'recovering', untilMs: 1000 }
    a.holdMs = 1000
    a.syncing = 'yes'
    refresh(network, 900)
    a.syncing = undefined
    refresh(network, 1899)
    assert.equal(a.out?.why, 'recovering')
    refresh(network, 1900)
    assert.ok(a.eligible)
  })

  it('takes head, safe and finalized from those that count, and never safe or finalized beyond the head', () => {
    const network = wellNetwork({ upstreams: ['a', 'b', 'liar'] })
    const [a, b, liar] = network.upstreams as [UpstreamState, UpstreamState, UpstreamState]
    Object.assign(a, { head: 100, headHash: '0xaa', safe: 90, finalized: 80 })
    Object.assign(b, { head: 99, headHash: '0xbb', safe: 91, finalized: 70 })
    Object.assign(liar, { head: 1e12, headHash: '0xcc', safe: 1e12, finalized: 1e12 })
    refresh(network, 0)
    assert.deepEqual([network.head, network.headHash, network.safe, network.finalized], [100, '0xaa', 91, 80])
  })

  it('tells once of a head that stands still for far longer than its pace, and of its going on', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    const [a] = network.upstreams as [UpstreamState]
    const stands = (now: number) => refresh(network, now).flatMap((one) => (one.kind === 'head' ? [one.stands] : []))
    let now = 0
    const move = (): boolean[] => {
      a.head++
      now += 12_000
      return stands(now)
    }
    for (let n = 0; n < 20; n++) assert.deepEqual(move(), [])
    assert.deepEqual(stands(now + 119_000), [])
    assert.deepEqual(stands(now + 121_000), [true])
    assert.deepEqual(stands(now + 200_000), [])
    assert.equal(headAge(network, now + 200_000), 200_000)
    now += 200_000
    assert.deepEqual(move(), [false])
  })

  it('does not take a chain without a pace for one that stands still: it may make blocks on demand', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    assert.deepEqual(refresh(network, 1e9), [])
  })

  it('gives the age of a head by its own time, where the block says it', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    const [a] = network.upstreams as [UpstreamState]
    a.headBornAt = -5000
    refresh(network, 1000)
    assert.equal(headAge(network, 1000), 6000)
  })

  it('keeps what it knew of the head while nobody is fit to tell', () => {
    const network = wellNetwork({ upstreams: ['a'] })
    network.upstreams[0]!.down = true
    refresh(network, 0)
    assert.equal(network.head, 100)
  })
})

function kinds(changes: readonly HealthChange[]): string[] {
  return changes.map(({ kind }) => kind)
}

describe('describeReason', () => {
  it('has words for every reason, with what was found', () => {
    const reasons: [OutReason, RegExp][] = [
      [{ why: 'unknown' }, /not probed yet/],
      [{ why: 'unreachable', detail: 'connection refused' }, /^connection refused$/],
      [{ why: 'recovering', untilMs: 1 }, /stay well/],
      [{ why: 'wrongChain', expected: '1', found: '5' }, /5 instead of 1/],
      [{ why: 'syncing', detail: 'syncing: block 1 of 9' }, /1 of 9/],
      [{ why: 'lagging', lag: 6, limit: 5 }, /by 6, the limit is 5/],
      [{ why: 'cordoned', detail: 'its plan is spent' }, /plan/],
    ]
    for (const [reason, words] of reasons) assert.match(describeReason(reason), words)
  })
})
