import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { goodAnswer, rpcCall, settled } from '../../../test/fake/gate.ts'
import type { RpcCall } from '../../rpc/call.ts'
import { warmUp } from './warm-up.ts'

describe('a call before the first probes have ended', () => {
  it('waits for them, and goes on at once when they have', async () => {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const readiness = { isOpen: false, opened }
    let asked = 0
    const handler = warmUp<RpcCall>(readiness)(() => {
      asked++
      return goodAnswer('a')
    })
    const early = handler(rpcCall())
    await settled()
    assert.equal(asked, 0)
    open()
    assert.equal((await early).upstream, 'a')
    readiness.isOpen = true
    assert.ok(!(handler(rpcCall()) instanceof Promise))
    assert.equal(asked, 2)
  })
})
