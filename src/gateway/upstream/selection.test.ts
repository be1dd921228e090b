import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type NetworkWishes, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { seededRandom } from '../../core/random.ts'
import type { RpcCall } from '../../rpc/call.ts'
import type { BreakerRule } from './breaker.ts'
import { spend } from './limits.ts'
import { type Choice, choose, score } from './selection.ts'
import { type Attempt, historyOf, type NetworkState, type UpstreamState } from './state.ts'

const breaker: BreakerRule = { failureRatio: 0.5, minimumCalls: 20, openMs: 10_000 }

interface Stage {
  readonly network: NetworkState
  upstream(name: string): UpstreamState
  choose(call?: RpcCall, more?: { tried?: UpstreamState[]; now?: number }): Choice
  /** Name of the chosen upstream, or why there is none. */
  chosen(call?: RpcCall, more?: { tried?: UpstreamState[]; now?: number }): string
}

function stage(upstreams: NetworkWishes['upstreams'], strategy: NetworkState['strategy'] = 'ordered'): Stage {
  const network = wellNetwork({ upstreams, strategy })
  const random = seededRandom(1)
  const it: Stage = {
    network,
    upstream: (name) => network.upstreams.find((one) => one.name === name)!,
    choose: (call = rpcCall(), { tried = [], now = 0 } = {}) => choose(network, call, { tried, breaker, random, now }),
    chosen: (call, more) => {
      const choice = it.choose(call, more)
      return choice.kind === 'upstream' ? choice.upstream.name : choice.kind
    },
  }
  return it
}

const directed = (directive: RpcCall['directive']) => rpcCall('eth_chainId', undefined, { directive })

describe('the choice of an upstream', () => {
  it('ranks primaries before backups, the responsive before suspects and open breakers, and asks those before nobody', () => {
    const { chosen, upstream, choose } = stage(['a', { name: 'b' }, { name: 'c', tier: 'backup' }])
    assert.equal(chosen(), 'a')
    upstream('a').suspect = true
    assert.equal(chosen(), 'b')
    Object.assign(upstream('b').breaker, { phase: 'open', openedAt: 0 })
    assert.equal(chosen(), 'c', 'a responsive backup comes before a doubtful primary')
    upstream('c').suspect = true
    assert.equal(chosen(), 'a', 'among the doubtful the primaries come first')
    upstream('a').eligible = false
    upstream('c').eligible = false
    assert.equal(chosen(), 'b', 'an open breaker diverts, it does not refuse')
    upstream('b').eligible = false
    assert.deepEqual(choose(), { kind: 'none' })
  })

  it('lets a breaker have its trial in the ordinary order once its time has come', () => {
    const { chosen, upstream } = stage(['a', 'b'])
    Object.assign(upstream('a').breaker, { phase: 'open', openedAt: 0 })
    assert.equal(chosen(rpcCall(), { now: 9999 }), 'b')
    assert.equal(chosen(rpcCall(), { now: 10_000 }), 'a')
    upstream('a').breaker.phase = 'trial'
    assert.equal(chosen(rpcCall(), { now: 10_000 }), 'b')
  })

  it('never chooses twice for one call: when all were tried, that is the end of it', () => {
    const { chosen, network } = stage(['a', 'b'])
    assert.equal(chosen(rpcCall(), { tried: [network.upstreams[0]!] }), 'b')
    assert.equal(chosen(rpcCall(), { tried: [...network.upstreams] }), 'exhausted')
  })

  it('passes over who does not have the method, and says so when nobody is left', () => {
    const { chosen, upstream } = stage(['a', 'b'])
    upstream('a').unsupported.add('trace_block')
    assert.equal(chosen(rpcCall('trace_block')), 'b')
    upstream('b').unsupported.add('trace_block')
    assert.equal(chosen(rpcCall('trace_block')), 'unsupported')
    assert.equal(chosen(rpcCall('eth_chainId')), 'a')
  })

  it('asks for what every client offers last where it was said not to be there, and still before nobody', () => {
    const { chosen, upstream, network } = stage(['a', { name: 'b', tier: 'backup' }])
    upstream('a').unsupported.add('eth_call')
    assert.equal(chosen(rpcCall('eth_call')), 'b')
    upstream('b').suspect = true
    assert.equal(chosen(rpcCall('eth_call')), 'b')
    assert.equal(chosen(rpcCall('eth_call'), { tried: [network.upstreams[1]!] }), 'a')
    upstream('b').unsupported.add('eth_call')
    assert.equal(chosen(rpcCall('eth_call')), 'a')
    upstream('a').unsupported.add('eth_invented')
    upstream('b').unsupported.add('eth_invented')
    assert.equal(chosen(rpcCall('eth_invented')), 'unsupported', 'nobody knows that name')
  })

  it('follows a directive: the upstream it names, or one that has the block', () => {
    const { chosen, upstream } = stage(['a', 'b'])
    upstream('b').head = 101
    assert.equal(chosen(directed({ upstream: 'b' })), 'b')
    assert.equal(chosen(directed({ upstream: 'nobody' })), 'none')
    assert.equal(chosen(directed({ minHead: 101 })), 'b')
    assert.equal(chosen(directed({ minHead: 102 })), 'none')
    assert.equal(chosen(directed({ upstream: 'a', minHead: 101 })), 'none')
  })

  it('sends what is over a limit to the next, and says how long to wait when all are at theirs', () => {
    const { choose, chosen, upstream } = stage([
      { name: 'a', maxRequestsPerSecond: 1 },
      { name: 'b', maxRequestsPerSecond: 4 },
    ])
    spend(upstream('a').allowance)
    assert.equal(chosen(), 'b')
    for (let n = 0; n < 4; n++) spend(upstream('b').allowance)
    assert.deepEqual(choose(), { kind: 'spent', waitMs: 250 })
    assert.equal(chosen(rpcCall(), { now: 250 }), 'b')
  })

  it('keeps to maxConcurrent', () => {
    const { choose, chosen, upstream } = stage([{ name: 'a', maxConcurrent: 1 }])
    assert.equal(chosen(), 'a')
    upstream('a').inFlight.add({ place: -1 } as Attempt)
    assert.equal(choose().kind, 'spent')
  })

  it('leaves of maxConcurrent what the next client needs, however much one of them asks', () => {
    const { choose, chosen, upstream } = stage([{ name: 'a', maxConcurrent: 16 }])
    const of = (client: string) => rpcCall('eth_call', '[]', { client })
    const taken = (client: string): number => {
      let count = 0
      for (; choose(of(client)).kind === 'upstream'; count++) {
        upstream('a').inFlight.add({ place: -1, call: of(client) } as Partial<Attempt> as Attempt)
      }
      return count
    }
    assert.deepEqual(['one', 'two', 'three', 'four'].map(taken), [12, 3, 1, 0])
    const [some] = upstream('a').inFlight
    upstream('a').inFlight.delete(some!)
    assert.equal(choose(of('one')).kind, 'spent')
    assert.equal(chosen(of('four')), 'a')
  })

  it('lets another have its turn after maxConsecutive, unless there is no other', () => {
    const { chosen, network, upstream } = stage([{ name: 'a', maxConsecutive: 3 }, 'b'])
    Object.assign(network, { lastChosen: 0, chosenInARow: 2 })
    assert.equal(chosen(), 'a')
    network.chosenInARow = 3
    assert.equal(chosen(), 'b')
    upstream('b').eligible = false
    assert.equal(chosen(), 'a')
  })

  it('leaves alone who asked us to slow down, for as long as it asked', () => {
    const { choose, chosen, upstream } = stage(['a'])
    upstream('a').pausedUntil = 500
    assert.deepEqual(choose(rpcCall(), { now: 100 }), { kind: 'spent', waitMs: 400 })
    assert.equal(chosen(rpcCall(), { now: 500 }), 'a')
  })

  it('only ever chooses what may be chosen, whatever state the upstreams are in', () => {
    const state = fc.record({
      eligible: fc.boolean(),
      suspect: fc.boolean(),
      pausedUntil: fc.constantFrom(0, 50),
      head: fc.nat(200),
      backup: fc.boolean(),
      lacks: fc.boolean(),
      tried: fc.boolean(),
      open: fc.boolean(),
    })
    const strategies = fc.constantFrom('ordered' as const, 'balanced' as const, 'roundRobin' as const)
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 5 }), strategies, (states, strategy) => {
        const { network, choose } = stage(
          states.map(({ backup }, n) => ({ name: `u${n}`, tier: backup ? 'backup' : 'primary' })),
          strategy,
        )
        states.forEach(({ eligible, suspect, pausedUntil, head, lacks, open }, n) => {
          Object.assign(network.upstreams[n]!, { eligible, suspect, pausedUntil, head })
          if (lacks) network.upstreams[n]!.unsupported.add('trace_block')
          if (open) Object.assign(network.upstreams[n]!.breaker, { phase: 'open', openedAt: 0 })
        })
        const tried = network.upstreams.filter((_, n) => states[n]!.tried)
        const free = states.flatMap((one, n) =>
          one.eligible && !one.tried && !one.lacks && one.pausedUntil === 0 ? [{ ...one, n }] : [],
        )
        const choice = choose(rpcCall('trace_block'), { tried })
        if (choice.kind !== 'upstream') assert.equal(free.length, 0)
        else {
          const rankOf = (one: (typeof free)[number]) => (one.backup ? 1 : 0) + (one.suspect || one.open ? 2 : 0)
          const best = Math.min(...free.map(rankOf))
          const names = free.filter((one) => rankOf(one) === best).map(({ n }) => `u${n}`)
          if (strategy === 'ordered') assert.equal(choice.upstream.name, names[0])
          assert.ok(names.includes(choice.upstream.name))
        }
      }),
    )
  })
})

describe('a strategy', () => {
  it('roundRobin: takes everyone in turn, also when one drops out', () => {
    const { network, choose, upstream } = stage(['a', 'b', 'c'], 'roundRobin')
    const take = (): string => {
      const choice = choose()
      assert.ok(choice.kind === 'upstream')
      network.lastChosen = choice.upstream.index
      return choice.upstream.name
    }
    assert.deepEqual([take(), take(), take(), take()], ['a', 'b', 'c', 'a'])
    upstream('b').eligible = false
    assert.deepEqual([take(), take(), take()], ['c', 'a', 'c'])
  })

  it('balanced: takes the lighter of two drawn ones, so that the worst of three is never taken', () => {
    const { choose, upstream } = stage(['a', 'b', 'c'], 'balanced')
    for (const [name, ms] of [
      ['a', 1],
      ['b', 2],
      ['c', 50],
    ] as const) {
      for (let n = 0; n < 50; n++) upstream(name).overall.record(ms, 0)
    }
    const counts = new Map<string, number>()
    for (let n = 0; n < 300; n++) {
      const choice = choose()
      assert.ok(choice.kind === 'upstream')
      counts.set(choice.upstream.name, (counts.get(choice.upstream.name) ?? 0) + 1)
    }
    assert.equal(counts.get('c'), undefined)
    assert.ok(counts.get('a')! > counts.get('b')!, JSON.stringify([...counts]))
  })

  it('balanced: counts what an upstream already has to do', () => {
    const { chosen, upstream } = stage(['a', 'b'], 'balanced')
    for (let n = 0; n < 5; n++) upstream('a').inFlight.add({ place: -1 } as Attempt)
    for (let n = 0; n < 20; n++) assert.equal(chosen(), 'b')
  })
})

describe('the score', () => {
  const label = 'eth_call'
  const at = (fastestMs: number, blockMs = 12_000) => ({ label, fastestMs, blockMs, now: 0 })

  it('is 1 at best and grows with latency, failures and the time by which it lags', () => {
    const { upstream } = stage(['a'])
    const a = upstream('a')
    for (let n = 0; n < 50; n++) a.overall.record(10, 0)
    const fastest = a.overall.quantile(0.5)!
    assert.equal(score(a, at(fastest)), 1)
    assert.ok(Math.abs(score(a, at(fastest / 3)) - 3) < 1e-9)
    a.lag = 1
    assert.ok(Math.abs(score(a, at(fastest)) - 2.2) < 1e-9)
    assert.ok(score(a, at(fastest, 250)) < 1.1, 'one block of a fast chain is little')
    a.lag = 0
    a.breaker.ends[0] = 10
    a.breaker.failures[0] = 5
    assert.ok(Math.abs(score(a, at(fastest)) - 6) < 1e-9)
  })

  it('goes by the method in question, once that was measured there', () => {
    const a = stage(['a']).upstream('a')
    for (let n = 0; n < 50; n++) a.overall.record(1, 0)
    historyOf(a, label, 0).record(100, 0)
    const own = historyOf(a, label, 0).quantile(0.5)!
    assert.ok(Math.abs(score(a, at(own / 2)) - 2) < 1e-9)
  })

  it('is 1 for who has not been measured', () => {
    assert.equal(score(stage(['a']).upstream('a'), at(Number.POSITIVE_INFINITY)), 1)
  })
})
