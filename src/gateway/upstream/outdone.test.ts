import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import type { ErrorClass } from '../../rpc/error-classes.ts'
import { isDoubtful, Outdone } from './outdone.ts'

const hash = `0x${'ab'.repeat(32)}`

function stage() {
  const [a, b] = wellNetwork({ upstreams: ['a', 'b'] }).upstreams
  return { a: a!, b: b!, outdone: new Outdone() }
}

/** A request long enough to be one client's own. */
const longCall = (n: number) => rpcCall('eth_call', `[{"to":"0x${'00'.repeat(40)}${n}"},"latest"]`)

function doubtful(errorClass: ErrorClass, method = 'eth_call', params = '[{},"latest"]'): boolean {
  return isDoubtful(stage().a, rpcCall(method, params), badAnswer('a', errorClass))
}

describe('an upstream that could not answer a call', () => {
  it('is outdone when another answers that call, once, and not before', () => {
    const { a, b, outdone } = stage()
    const call = longCall(1)
    outdone.failed(a, call)
    assert.deepEqual(outdone.answered(longCall(1), 0), [], 'another call')
    assert.deepEqual(outdone.answered(call, 0), [a])
    assert.deepEqual(outdone.answered(call, 0), [])
    const hard = longCall(2)
    outdone.failed(a, hard)
    outdone.failed(b, hard)
    assert.deepEqual(outdone.answered(hard, 0), [a, b])
  })

  it('is not outdone again by the same request for ten seconds, whoever sends it how often', () => {
    const { a, b, outdone } = stage()
    let proofs = 0
    for (let n = 0; n < 1000; n++) {
      const call = longCall(n % 4)
      outdone.failed(a, call)
      proofs += outdone.answered(call, n * 10).length
    }
    assert.equal(proofs, 4)
    const call = longCall(0)
    outdone.failed(a, call)
    outdone.failed(b, call)
    assert.deepEqual(outdone.answered(call, 9999), [b], 'of each by itself')
    outdone.failed(a, call)
    assert.deepEqual(outdone.answered(call, 20_001), [a], 'news again')
  })

  it('is outdone by each short request: many ask it in the same words', () => {
    const { a, outdone } = stage()
    for (let n = 0; n < 3; n++) {
      const call = rpcCall('eth_blockNumber')
      outdone.failed(a, call)
      assert.deepEqual(outdone.answered(call, n), [a])
    }
  })
})

describe('what speaks against an upstream when another answers', () => {
  it('is to fail, to be busy, to be catching up, or an error that nobody knows', () => {
    for (const one of ['NODE', 'RATE', 'SYNC', 'UNKNOWN'] as const) assert.ok(doubtful(one), one)
  })

  it('is not what it does not offer, or says of the request', () => {
    for (const one of ['UNSUP', 'CLIENT', 'REVERT', 'RANGE', 'TXREJ', 'AUTH', 'BILL'] as const)
      assert.ok(!doubtful(one), one)
    assert.ok(!isDoubtful(stage().a, rpcCall(), goodAnswer('a')))
  })

  it('is to lack what is present: the newest block, and the last ones that it says it has', () => {
    for (const block of ['"latest"', '"pending"', '"safe"', '"finalized"', '"0x64"', '"0x40"', 'null'])
      assert.ok(doubtful('MISS', 'eth_call', `[{},${block}]`), block)
    assert.ok(doubtful('MISS', 'eth_call', '[{}]'))
  })

  it('is not to lack the past, the future, or what nobody can place: a pruned node is well', () => {
    for (const block of ['"earliest"', '"0x1"', '"0x65"', `"${hash}"`, `{"blockHash":"${hash}"}`])
      assert.ok(!doubtful('MISS', 'eth_call', `[{},${block}]`), block)
    assert.ok(!doubtful('MISS', 'debug_traceTransaction', `["${hash}"]`))
    assert.ok(!doubtful('MISS', 'eth_getLogs', '[{"fromBlock":"0x1"}]'))
  })
})
