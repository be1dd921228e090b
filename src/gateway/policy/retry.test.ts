import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, refusalReason, rpcCall, ScriptedSource } from '../../../test/fake/gate.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { type ErrorClass, effects } from '../../rpc/error-classes.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { retry } from './retry.ts'

interface Told {
  readonly outcome: Outcome
  readonly asked: number
  readonly retried: number
  readonly contradicted: string[]
}

/** What becomes of a call when the upstreams answer like this, one after the other, and then nobody is left. */
async function after(outcomes: readonly Outcome[], call = rpcCall(), maxRetries = 2, last?: Outcome): Promise<Told> {
  let asked = 0
  let retried = 0
  const contradicted: string[] = []
  const observer = { retried: () => retried++, contradicted: (upstream: string) => contradicted.push(upstream) }
  const handler = retry<RpcCall>(
    maxRetries,
    observer,
  )((asking) => {
    const outcome = outcomes[asked]
    if (outcome === undefined) return last ?? ownAnswer({ reason: 'upstreamFailed' })
    asked++
    asking.trail.attempts++
    return outcome
  })
  return { outcome: await handler(call), asked, retried, contradicted }
}

const bad = (errorClass: ErrorClass, n = 0) => badAnswer(`u${n}`, errorClass)
const many = (errorClass: ErrorClass, count: number) => Array.from({ length: count }, (_, n) => bad(errorClass, n))

describe('a failed call', () => {
  it('is asked of others until one answers, or maxRetries are used up', async () => {
    const good = await after([bad('NODE'), bad('NODE', 1), goodAnswer('c')])
    assert.deepEqual([good.outcome.upstream, good.asked, good.retried], ['c', 3, 2])
    assert.equal((await after(many('NODE', 9))).asked, 3)
    assert.equal((await after(many('NODE', 9), rpcCall(), 0)).asked, 1)
  })

  it('is not asked again when the answer is final', async () => {
    for (const errorClass of ['REVERT', 'CLIENT', 'DUP', 'NONCE', 'TXREJ'] as const) {
      assert.equal((await after([bad(errorClass), goodAnswer('b')])).asked, 1, errorClass)
    }
  })

  it('that is too large goes elsewhere, but for one that can be asked in pieces', async () => {
    const logs = (filter: object) => rpcCall('eth_getLogs', JSON.stringify([filter]))
    for (const call of [
      rpcCall('eth_getBlockReceipts', '["0x1"]'),
      logs({ blockHash: `0x${'a'.repeat(64)}` }),
      logs({ fromBlock: '0x5', toBlock: '0x5' }),
      logs({}),
    ])
      assert.equal((await after([bad('RANGE'), goodAnswer('b')], call)).outcome.upstream, 'b')
    const range = { fromBlock: '0x1', toBlock: '0x9' }
    assert.equal((await after([bad('RANGE'), goodAnswer('b')], logs(range))).asked, 1)
    assert.equal((await after([bad('ADDR'), goodAnswer('b')], logs(range))).outcome.upstream, 'b')
    assert.equal((await after([bad('RANGE'), goodAnswer('b')], rpcCall('eth_sendTransaction'))).asked, 1)
  })

  it('costs no retry where it was turned away, however often', async () => {
    for (const errorClass of ['UNSUP', 'RATE', 'AUTH', 'BILL', 'SYNC'] as const) {
      const told = await after([...many(errorClass, 7), bad('NODE', 7), goodAnswer('z')], rpcCall(), 1)
      assert.deepEqual([told.outcome.upstream, told.asked], ['z', 9], errorClass)
    }
  })

  it('that may not be repeated goes elsewhere only when it certainly was not carried out', async () => {
    const write = () => rpcCall('eth_sendTransaction')
    assert.equal((await after([bad('NODE'), goodAnswer('b')], write())).asked, 1)
    const unsent = badAnswer('a', 'NODE', { mayHaveActed: false })
    assert.equal((await after([unsent, goodAnswer('b')], write())).outcome.upstream, 'b')
    assert.equal((await after([bad('UNSUP'), goodAnswer('b')], write())).outcome.upstream, 'b')
  })

  it('that sends a raw transaction gets one second opinion on a rejection', async () => {
    const send = () => rpcCall('eth_sendRawTransaction')
    assert.equal((await after([bad('TXREJ'), goodAnswer('b')], send())).outcome.upstream, 'b')
    const twice = await after([bad('TXREJ'), bad('TXREJ', 1), goodAnswer('c')], send())
    assert.deepEqual([twice.outcome.upstream, twice.asked], ['u0', 2])
  })

  it('ends with what tells the client most', async () => {
    assert.equal((await after([bad('NODE', 0), bad('MISS', 1), bad('NODE', 2)])).outcome.upstream, 'u1')
    assert.equal((await after([bad('MISS', 0), bad('REVERT', 1)])).outcome.upstream, 'u1')
  })

  it('stops when the client is gone or the call is settled', async () => {
    const gone = rpcCall()
    gone.cancellation.cancel()
    assert.equal((await after(many('NODE', 3), gone)).asked, 1)
    const over = rpcCall()
    over.trail.settled = true
    assert.equal((await after(many('NODE', 3), over)).asked, 1)
  })

  it('is left as it is when there is nobody to ask at all', async () => {
    const told = await after([])
    assert.deepEqual([refusalReason(told.outcome), told.retried], ['upstreamFailed', 0])
  })

  it('gives up what still flows of an answer that is not taken', async () => {
    const page = new ScriptedSource()
    const verdict = { class: 'NODE' as const, rule: 'HTTP 502', effect: effects.NODE }
    const flowing: Outcome = { ...goodAnswer('a'), verdict, answer: { kind: 'http', status: 502, body: page } }
    assert.equal((await after([flowing, goodAnswer('b')])).outcome.upstream, 'b')
    assert.equal(page.aborted, 1)
    const kept = new ScriptedSource()
    const only: Outcome = { ...flowing, answer: { kind: 'http', status: 502, body: kept } }
    await after([only])
    assert.equal(kept.aborted, 0)
  })
})

describe('an error that no rule knows', () => {
  it('is the answer when a second upstream says the same, and contradicts nobody', async () => {
    const told = await after([bad('UNKNOWN', 0), bad('UNKNOWN', 1), goodAnswer('c')])
    assert.deepEqual([told.outcome.upstream, told.asked, told.contradicted], ['u0', 2, []])
  })

  it('is held against the first when the second does better', async () => {
    const told = await after([bad('UNKNOWN', 0), goodAnswer('b')])
    assert.deepEqual([told.outcome.upstream, told.contradicted], ['b', ['u0']])
  })

  it('is not held against the first when the second fails', async () => {
    const told = await after([bad('UNKNOWN', 0), bad('NODE', 1)])
    assert.deepEqual([told.outcome.upstream, told.contradicted], ['u0', []])
  })
})

describe('a limit', () => {
  const limited = ownAnswer({ reason: 'limited', retryAfterMs: 300 })

  it('is told when limits are all there was to tell', async () => {
    const told = await after([bad('RATE')], rpcCall(), 2, limited)
    assert.deepEqual([refusalReason(told.outcome)], ['limited'])
  })

  it('is not told when an upstream said something of its own', async () => {
    assert.equal((await after([bad('MISS')], rpcCall(), 2, limited)).outcome.upstream, 'u0')
  })
})
