import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { badAnswer, goodAnswer, rpcCall, wellNetwork } from '../../../test/fake/gate.ts'
import type { Outcome, RpcCall } from '../../rpc/call.ts'
import { splitLogs } from './split-logs.ts'

interface Asked {
  readonly fromBlock: string
  readonly toBlock: string
}

/** A node that gives at most `limit` blocks at once; block n holds the log `n`. */
function stage(limit: number) {
  const network = wellNetwork({ upstreams: ['a'] })
  const asked: [from: number, to: number][] = []
  const answer = (call: RpcCall): Outcome => {
    const [{ fromBlock, toBlock }] = JSON.parse(String(call.params)) as [Asked]
    const number = (reference: string): number => (reference === 'latest' ? network.head : Number(reference))
    const [from, to] = [number(fromBlock), number(toBlock)]
    asked.push([from, to])
    if (to - from + 1 > limit) return badAnswer('a', 'RANGE')
    return goodAnswer('a', JSON.stringify(Array.from({ length: to - from + 1 }, (_, n) => from + n)))
  }
  const handler = splitLogs(network)(answer)
  const logs = async (fromBlock: unknown, toBlock: unknown, more: object = {}) => {
    asked.length = 0
    const outcome = await handler(rpcCall('eth_getLogs', JSON.stringify([{ fromBlock, toBlock, ...more }])))
    return outcome.answer.kind === 'result'
      ? (JSON.parse(outcome.answer.value.toString()) as number[])
      : outcome.verdict?.class
  }
  return { asked, logs, network }
}

const hex = (number: number) => `0x${number.toString(16)}`
const blocks = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe('a wide eth_getLogs', () => {
  it('is answered whole and in order, each block once, whatever the limit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(5000), fc.nat(600), fc.integer({ min: 20, max: 500 }), async (from, more, limit) => {
        assert.deepEqual(await stage(limit).logs(hex(from), hex(from + more)), blocks(from, from + more))
      }),
      { numRuns: 100 },
    )
  })

  it('is asked as it is when the node takes it', async () => {
    const { asked, logs } = stage(1000)
    await logs('0x1', '0x64')
    assert.deepEqual(asked, [[1, 100]])
  })

  it('starts with pieces that were accepted before', async () => {
    const { asked, logs } = stage(100)
    await logs('0x1', '0x190')
    await logs('0x1', '0x190')
    assert.deepEqual(asked.slice(1), [
      [1, 100],
      [101, 200],
      [201, 300],
      [301, 400],
    ])
  })

  it('counts up to the head for latest', async () => {
    assert.deepEqual(await stage(30).logs('0x14', 'latest'), blocks(20, 100))
  })

  it('is refused as received when its blocks cannot be counted, are too many, or even one is too much', async () => {
    assert.equal(await stage(0).logs('0x5', '0x5'), 'RANGE')
    assert.equal(await stage(0).logs('0x1', '0x9'), 'RANGE')
    assert.equal(await stage(1).logs('0x0', '0xffffff'), 'RANGE')
    assert.equal(await stage(-1e9).logs('0x9', '0x1'), 'RANGE')
    assert.equal(await stage(1).logs('0x1', '0x9', { blockHash: '0xab' }), 'RANGE')
  })

  it('asks no more once a piece has failed', async () => {
    const asked: string[] = []
    const handler = splitLogs(wellNetwork({ upstreams: ['a'] }))((call) => {
      asked.push(String(call.params))
      return asked.length === 1 ? badAnswer('a', 'RANGE') : badAnswer('a', 'NODE')
    })
    const outcome = await handler(rpcCall('eth_getLogs', '[{"fromBlock":"0x0","toBlock":"0x40"}]'))
    assert.equal(outcome.verdict?.class, 'NODE')
    assert.ok(asked.length <= 5)
  })

  it('has no part in any other call', () => {
    const outcome = badAnswer('a', 'RANGE')
    assert.equal(splitLogs(wellNetwork({ upstreams: ['a'] }))(() => outcome)(rpcCall('eth_call')), outcome)
  })
})
