import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, rpcCall } from '../../../test/fake/gate.ts'
import { VirtualClock } from '../../core/virtual-clock.ts'
import type { Call, Outcome, RpcCall } from '../../rpc/call.ts'
import { measured } from './measured.ts'

describe('a measured call', () => {
  it('is told with its outcome and the time since it was read, whether it is answered at once or later', async () => {
    const clock = new VirtualClock()
    const told: [Call, Outcome, number][] = []
    const policy = measured<RpcCall>(clock, { called: (...all) => told.push(all) })
    clock.advance(5)
    const [now, later] = [rpcCall('a', undefined, { startedAt: 2 }), rpcCall('b', undefined, { startedAt: 0 })]
    const answer = goodAnswer('a')
    assert.equal(policy(() => answer)(now), answer)
    const outcome = policy(async () => answer)(later)
    clock.advance(10)
    assert.equal(await outcome, answer)
    assert.deepEqual(told, [
      [now, answer, 3],
      [later, answer, 15],
    ])
  })
})
