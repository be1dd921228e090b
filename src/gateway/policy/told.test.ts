import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, refusalReason, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Outcome } from '../../rpc/call.ts'
import { type ErrorClass, effects } from '../../rpc/error-classes.ts'
import { ownAnswer } from '../upstream/pool.ts'
import { told } from './told.ts'

const network = wellNetwork({ upstreams: ['a', 'b'] })
const tell = (outcome: Outcome) => told(network, new VirtualClock())(() => outcome)(rpcCall()) as Outcome

describe('what the client is told', () => {
  it('is never a word of the vendor about its own failures, keys and plans, nor its headers', () => {
    for (const errorClass of ['NODE', 'AUTH', 'BILL', 'SYNC'] as const) {
      const outcome = tell(badAnswer('a', errorClass, { headers: ['X-Vendor', 'plan spent'] }))
      assert.equal(refusalReason(outcome), 'upstreamFailed', errorClass)
      assert.deepEqual(outcome.headers, [])
      assert.equal(outcome.verdict?.class, errorClass, 'metrics still know the class')
    }
  })

  it('is a verdict on the call byte for byte', () => {
    const classes = Object.keys(effects) as ErrorClass[]
    for (const errorClass of classes.filter((one) => effects[one].client === 'asReceived')) {
      const { answer } = tell(badAnswer('a', errorClass))
      assert.equal(answer.kind === 'error' && answer.error.toString(), `{"code":-32000,"message":"${errorClass}"}`)
    }
  })

  it('is that nobody has the method, where one said so', () => {
    assert.equal(refusalReason(tell(badAnswer('a', 'UNSUP'))), 'unsupported')
  })

  it('is when to come back, where all are at their limits: as soon as the first of them may be asked', () => {
    const wait = (): number | undefined => {
      const { answer } = tell(badAnswer('a', 'RATE'))
      return answer.kind === 'refusal' ? answer.refusal.retryAfterMs : undefined
    }
    assert.equal(wait(), 1000)
    network.upstreams[0]!.pausedUntil = 5000
    network.upstreams[1]!.pausedUntil = 3000
    assert.equal(wait(), 3000)
  })

  it('is what we said ourselves, and every good answer, unchanged', () => {
    for (const outcome of [goodAnswer('a'), ownAnswer({ reason: 'noUpstream' })]) assert.equal(tell(outcome), outcome)
  })

  it('is the same when the answer comes later', async () => {
    const later = told(network, new VirtualClock())(async () => badAnswer('a', 'NODE'))(rpcCall())
    assert.equal(refusalReason(await later), 'upstreamFailed')
  })
})
