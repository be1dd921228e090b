import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badAnswer, goodAnswer, rpcCall } from '../../../test/fake/gate.ts'
import { loadExecutionApisVectors } from '../../../test/vectors/execution-apis.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { rawTransaction } from './raw-transaction.ts'

const { exchanges } = loadExecutionApisVectors().find(({ name }) => name.endsWith('send-legacy-transaction'))!
const raw = (JSON.parse(exchanges[0]!.request) as { params: [string] }).params[0]
const hash = (JSON.parse(exchanges[0]!.response) as { result: string }).result

async function send(first: Outcome, lookUp?: Outcome, params = `["${raw}"]`) {
  const asked: RpcCall[] = []
  const handler = rawTransaction()((call) => {
    asked.push(call)
    return call.name === 'eth_sendRawTransaction' ? first : lookUp!
  })
  const outcome = await handler(rpcCall('eth_sendRawTransaction', params))
  const { answer } = outcome
  return { outcome, result: answer.kind === 'result' ? answer.value.toString() : undefined, asked }
}

describe('a raw transaction', () => {
  it('that is known already was sent: the answer is its hash', async () => {
    const { outcome, result, asked } = await send(badAnswer('a', 'DUP'))
    assert.deepEqual([outcome.verdict, outcome.upstream, result, asked.length], [undefined, 'a', `"${hash}"`, 1])
  })

  it('whose nonce is used was sent when it is found, and only then', async () => {
    const found = await send(badAnswer('a', 'NONCE'), goodAnswer('b', '{"hash":"0x"}'))
    assert.equal(found.result, `"${hash}"`)
    assert.deepEqual(
      [found.asked[1]?.name, String(found.asked[1]?.params)],
      ['eth_getTransactionByHash', `["${hash}"]`],
    )
    for (const other of [goodAnswer('b', 'null'), badAnswer('b', 'NODE')]) {
      const { outcome, result } = await send(badAnswer('a', 'NONCE'), other)
      assert.deepEqual([outcome.verdict?.class, result], ['NONCE', undefined])
    }
  })

  it('that was accepted or rejected is left alone', async () => {
    const good = goodAnswer('a', `"${hash}"`)
    assert.equal((await send(good)).outcome, good)
    const rejected = badAnswer('a', 'TXREJ')
    assert.equal((await send(rejected)).outcome, rejected)
  })

  it('that is no transaction cannot be known', async () => {
    const dup = badAnswer('a', 'DUP')
    assert.equal((await send(dup, undefined, '["hello"]')).outcome, dup)
    assert.equal((await send(dup, undefined, '[]')).outcome, dup)
  })

  it('has no part in any other call', () => {
    const outcome = badAnswer('a', 'DUP')
    assert.equal(rawTransaction()(() => outcome)(rpcCall('eth_call')), outcome)
  })
})
