import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, refusalReason, rpcCall } from '../../../test/fake/gate.ts'
import { type Log, type LogFields, silentLog } from '../../core/log.ts'
import type { RpcCall } from '../../rpc/call.ts'
import { guarded } from './guarded.ts'

describe('a guarded call', () => {
  it('that meets a bug is one refusal and one line in the log, and what it had running is cut short', async () => {
    const bug = new Error('a bug')
    const handlers = [
      (): never => {
        throw bug
      },
      async (): Promise<never> => {
        throw bug
      },
    ]
    for (const handler of handlers) {
      const lines: LogFields[] = []
      const log: Log = { ...silentLog, error: (fields) => lines.push(fields) }
      const call = rpcCall('eth_chainId')
      const ends: string[] = []
      call.trail.running.push({ upstream: { name: 'a' }, abandon() {}, abort: (why) => ends.push(why) })
      assert.equal(refusalReason(await guarded<RpcCall>(log)(handler)(call)), 'internal')
      assert.deepEqual(lines, [{ error: bug, method: 'eth_chainId', requestId: 'r-1' }])
      assert.deepEqual(ends, ['unwanted'])
    }
  })

  it('that goes well is left alone, and stays synchronous when it was', async () => {
    const answer = goodAnswer('a')
    assert.equal(guarded<RpcCall>(silentLog)(() => answer)(rpcCall()), answer)
    assert.equal(await guarded<RpcCall>(silentLog)(async () => answer)(rpcCall()), answer)
  })
})
