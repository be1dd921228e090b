import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusalReason, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import { CarrierError, type CarrierErrorCode } from '../../http/types.ts'
import { scanResponse } from '../../rpc/scan-response.ts'
import { describeFailure, judgeFailure, retryAfterOf } from './judge.ts'
import { judgeRpc } from './judge-rpc.ts'
import type { UpstreamState } from './state.ts'

const [upstream] = wellNetwork({ upstreams: ['a'] }).upstreams as [UpstreamState]
const codes: CarrierErrorCode[] = [
  'CONNECT_REFUSED',
  'CONNECT_TIMEOUT',
  'CONNECT_FAILED',
  'TLS_FAILED',
  'RESET',
  'CLOSED_EARLY',
  'TIMEOUT',
  'MALFORMED',
  'TOO_LARGE',
  'ABORTED',
]

describe('an attempt without an answer', () => {
  it('is the fault of the node, in words of its own for each kind, and says whether it may have acted', () => {
    const words = codes.map((code) => describeFailure(new CarrierError(code, 'Secret https://u:p@h/.', true)))
    assert.equal(new Set(words).size, codes.length)
    for (const sent of [true, false]) {
      const outcome = judgeFailure(upstream, new CarrierError('RESET', 'x', sent))
      assert.deepEqual([outcome.verdict?.class, outcome.mayHaveActed], ['NODE', sent])
      assert.equal(refusalReason(outcome), 'upstreamFailed')
    }
    assert.doesNotMatch(words.join(), /Secret|u:p/)
  })
})

describe('Retry-After', () => {
  it('is read in seconds, up to ten minutes, and else ignored', () => {
    const of = (value: string) => retryAfterOf(['retry-AFTER', value])
    assert.deepEqual([of('0'), of('3'), of('86400')], [0, 3000, 600_000])
    for (const odd of ['', '-1', '1.5', 'soon', 'Wed, 21 Oct 2026 07:28:00 GMT', '9999999999'])
      assert.equal(of(odd), undefined)
    assert.equal(retryAfterOf([]), undefined)
  })
})

describe('a JSON-RPC answer', () => {
  const judge = (text: string, status = 200, headers: string[] = []) =>
    judgeRpc(rpcCall('eth_call'), upstream, { status, headers }, scanResponse(Buffer.from(text)))

  it('with a result is good, whatever the status and whatever words are in it', () => {
    for (const status of [200, 429, 500]) {
      const outcome = judge('{"jsonrpc":"2.0","id":1,"result":{"error":"rate limit exceeded"}}', status)
      assert.equal(outcome.verdict, undefined)
      assert.equal(
        outcome.answer.kind === 'result' && outcome.answer.value.toString(),
        '{"error":"rate limit exceeded"}',
      )
    }
  })

  it('with an error is judged by it, and the error is kept byte for byte', () => {
    const error = '{ "code":3, "message":"execution reverted" , "data":"0x"}'
    const outcome = judge(`{"id":1,"error":${error}}`)
    assert.equal(outcome.verdict?.class, 'REVERT')
    assert.equal(outcome.answer.kind === 'error' && outcome.answer.error.toString(), error)
  })

  it('that is none is the fault of the node or of its door', () => {
    for (const text of ['', '<html>', '{', '[]', '{"id":1}', 'null']) {
      const outcome = judge(text)
      assert.ok(outcome.verdict !== undefined, text)
      assert.equal(refusalReason(outcome), 'upstreamFailed')
    }
    assert.equal(judge('Too Many Requests', 429).verdict?.class, 'RATE')
    assert.equal(judge('Unauthorized', 401).verdict?.class, 'AUTH')
  })

  it('that is none because the request was too large for the node says so', () => {
    const outcome = judge('<html>413 Request Entity Too Large</html>', 413)
    assert.deepEqual([outcome.verdict?.class, refusalReason(outcome)], ['RANGE', 'tooLargeForUpstream'])
  })

  it('that asks us to slow down says for how long', () => {
    const outcome = judge('{"id":1,"error":{"code":-32005,"message":"rate limit exceeded"}}', 429, ['Retry-After', '7'])
    assert.deepEqual([outcome.verdict?.class, outcome.retryAfterMs], ['RATE', 7000])
  })
})
