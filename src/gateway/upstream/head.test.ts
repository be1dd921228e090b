import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { unknownNetwork, wellNetwork } from '../../../test/fake/gate.ts'
import { believableLead, networkHead, noteHead, witnesses } from './head.ts'
import type { UpstreamState } from './state.ts'

const maxLag = 5
const lead = believableLead(maxLag)

function upstreams(...heads: number[]): readonly UpstreamState[] {
  const network = wellNetwork({ upstreams: heads.map((_, n) => `u${n}`) })
  network.upstreams.forEach((upstream, n) => {
    upstream.head = heads[n]!
  })
  return network.upstreams
}

/** Lets an upstream advance by one block at each of these moments. */
function advanceAt(upstream: UpstreamState, ...moments: number[]): void {
  for (const now of moments) noteHead(upstream, upstream.head + 1, maxLag, now)
}

describe('the network head', () => {
  it('is unknown without upstreams', () => {
    assert.equal(networkHead([], maxLag), -1)
  })

  it('is what a lone upstream says, however high', () => {
    assert.equal(networkHead(upstreams(1e12), maxLag), 1e12)
  })

  it('is the highest when that is only a few blocks ahead, and no single far claim', () => {
    assert.equal(networkHead(upstreams(100, 100 + lead), maxLag), 100 + lead)
    assert.equal(networkHead(upstreams(100, 101 + lead), maxLag), 100)
    assert.equal(networkHead(upstreams(1e12, 100, 100), maxLag), 100)
  })

  it('is a far claim when two make it', () => {
    assert.equal(networkHead(upstreams(1e12, 1e12 - lead, 100, 100, 100), maxLag), 1e12)
  })

  it('is always one that somebody claims, and no single upstream moves it out of reach of all others', () => {
    const heights = fc.array(fc.oneof(fc.integer({ min: 90, max: 130 }), fc.nat(1e12)), { minLength: 2, maxLength: 6 })
    fc.assert(
      fc.property(heights, (heads) => {
        const head = networkHead(upstreams(...heads), maxLag)
        assert.ok(heads.includes(head))
        const inReach = heads.filter((one) => Math.abs(one - head) <= lead)
        assert.ok(inReach.length >= 2 || head === heads.toSorted((a, b) => b - a)[1])
      }),
    )
  })

  it('does not depend on the order of the upstreams', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), (heads) => {
        assert.equal(networkHead(upstreams(...heads), maxLag), networkHead(upstreams(...heads.toReversed()), maxLag))
      }),
    )
  })

  it('follows the one that lives when the other has stopped, however far behind', () => {
    const [stopped, living] = upstreams(100, 100) as [UpstreamState, UpstreamState]
    advanceAt(stopped, 0, 12_000)
    for (let now = 0; now < 400_000; now += 12_000) {
      advanceAt(living, now)
      assert.equal(networkHead([stopped, living], maxLag), Math.max(102, living.head))
    }
  })

  it('does not follow a far claim that counts up beside upstreams that live at their own pace', () => {
    const [one, other, liar] = upstreams(100, 100, 1e12) as [UpstreamState, UpstreamState, UpstreamState]
    for (const upstream of [one, other]) advanceAt(upstream, 0, 12_000)
    for (let now = 12_500; now < 240_000; now += 500) {
      if (now % 12_000 === 0) for (const upstream of [one, other]) advanceAt(upstream, now)
      advanceAt(liar, now)
      assert.ok(networkHead([one, other, liar], maxLag) < 1000, `believed at ${now} ms`)
    }
  })
})

describe('an advance', () => {
  it('is a step that a living chain makes, so neither the first height nor a leap is one', () => {
    const [upstream] = unknownNetwork({ upstreams: ['a'] }).upstreams as [UpstreamState]
    noteHead(upstream, 100, maxLag, 1)
    noteHead(upstream, 101 + lead, maxLag, 2)
    noteHead(upstream, 50, maxLag, 3)
    noteHead(upstream, 50, maxLag, 4)
    assert.equal(upstream.lastAdvanceAt, Number.NEGATIVE_INFINITY)
    assert.equal(upstream.head, 50)
    noteHead(upstream, 50 + lead, maxLag, 5)
    assert.equal(upstream.lastAdvanceAt, 5)
    noteHead(upstream, 51 + lead, maxLag, 6)
    assert.deepEqual([upstream.advanceBeforeAt, upstream.lastAdvanceAt], [5, 6])
  })
})

describe('witnesses of the head', () => {
  const setUp = () => {
    const [serving, newcomer, behind] = upstreams(100, 1e12, 5) as [UpstreamState, UpstreamState, UpstreamState]
    newcomer.eligible = false
    newcomer.out = { why: 'unknown' }
    behind.eligible = false
    behind.out = { why: 'lagging', lag: 95, limit: 5 }
    return { all: [serving, newcomer, behind], serving, newcomer, behind }
  }

  it('are those in service alone, once one of them lives: a newcomer cannot take the head away', () => {
    const { all, serving } = setUp()
    advanceAt(serving, 1, 2)
    assert.deepEqual(witnesses(all), [serving])
  })

  it('are newcomers too while nobody in service is known to live', () => {
    const { all, serving, newcomer } = setUp()
    assert.deepEqual(witnesses(all), [serving, newcomer])
  })

  it('are those left behind when there are no others', () => {
    const { behind } = setUp()
    assert.deepEqual(witnesses([behind]), [behind])
  })
})
