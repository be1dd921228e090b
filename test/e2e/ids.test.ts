import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { FakeElNode, SeenCall } from '../fake/el-node.ts'
import { until } from '../fake/until.ts'
import { elStage, uniqueParams } from './gate.ts'

/** Probes that neither disturb a script nor take anybody out. */
const quiet = { probe: { intervalMs: 60_000, maxFailures: 1_000_000 } }
const method = 'eth_getBalance'
const idsAt = (node: FakeElNode): unknown[] => node.requests.map(({ body }) => JSON.parse(String(body)).id)
const other = (call: SeenCall): number => Number(call.rawId) + 1
const large = `"0x${'ab'.repeat(400_000)}"`

describe('the ids of calls to a node', { concurrency: 6 }, () => {
  it('are ours and never the same twice, while each client gets its own back byte for byte', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    for (const id of ['1', '"a"', '1.50', '"caf\\u00e9"', '12345678901234567890']) {
      const answer = await gate.post(`{"jsonrpc":"2.0","id":${id},"method":"eth_gasPrice"}`)
      assert.equal(answer.text, `{"jsonrpc":"2.0","id":${id},"result":"0x7"}`)
    }
    const ids = idsAt(nodes[0]!)
    assert.ok(ids.length > 5 && ids.every((id) => Number.isSafeInteger(id)), `${ids}`)
    assert.equal(new Set(ids).size, ids.length)
  })

  for (const [what, id] of [
    ['the number as a string', ({ rawId }: SeenCall) => `"${rawId}"`],
    ['null', () => 'null'],
  ] as const) {
    it(`may come back as ${what}`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      nodes[0]!.rawBody(method, (call) => `{"jsonrpc":"2.0","id":${id(call)},"result":"0x5"}`)
      assert.equal((await gate.call(method, uniqueParams())).json.result, '0x5')
      nodes[0]!.rawBody(method, (call) => `{"id":${id(call)},"error":{"code":3,"message":"execution reverted"}}`)
      assert.equal((await gate.call(method, uniqueParams())).json.error.code, 3)
      assert.equal(nodes[1]!.callsOf(method).length, 0)
    })
  }
})

type Mixed = (call: SeenCall) => string | Buffer
const mixUps: [what: string, body: Mixed, headers?: string[]][] = [
  ['a result', (call) => `{"jsonrpc":"2.0","id":${other(call)},"result":"0xbad"}`],
  ['a result before its id', (call) => `{"result":"0xbad","id":"${other(call)}"}`],
  ['an error', (call) => `{"id":${other(call)},"error":{"code":3,"message":"execution reverted"}}`],
  ['a large result', (call) => `{"jsonrpc":"2.0","id":${other(call)},"result":${large}}`],
  ['an id that is no number', () => '{"jsonrpc":"2.0","id":[1],"result":"0xbad"}'],
  ['a compressed result', (call) => gzipSync(`{"id":${other(call)},"result":"0xbad"}`), ['content-encoding', 'gzip']],
]

describe('an answer to another question', { concurrency: 8 }, () => {
  for (const [what, body, headers = []] of mixUps) {
    it(`(${what}) reaches no client: its connection ends and another node answers`, async (t) => {
      const { gate, nodes } = await elStage(t, 2, quiet)
      const [mixed, well] = nodes as [FakeElNode, FakeElNode]
      mixed.extraHeaders = headers
      mixed.rawBody(method, body)
      well.answer(method, '0xb')
      const before = { open: mixed.open, accepted: mixed.connections }
      for (let count = 1; count <= 2; count++) {
        const answer = await gate.call(method, uniqueParams())
        assert.deepEqual(answer.json, { jsonrpc: '2.0', id: 1, result: '0xb' })
        assert.equal(well.callsOf(method).length, count)
      }
      // Probes have connections of their own: each call has opened one, and it was not used again.
      assert.equal(mixed.connections, before.accepted + 2)
      await until(() => mixed.open <= before.open, { describe: () => [before, mixed.open] })
    })
  }

  it('is not taken for the fate of a transaction, and the transaction goes nowhere else', async (t) => {
    const { gate, nodes } = await elStage(t, 2, quiet)
    nodes[0]!.rawBody('evm_mine', (call) => `{"id":${other(call)},"result":"0xbad"}`)
    const { json } = await gate.call('evm_mine', [])
    assert.equal(json.error.data.class, 'UPSTREAM_FAILED')
    assert.equal(nodes[1]!.callsOf('evm_mine').length, 0)
  })

  it('whose id comes behind a large result breaks the answer off', async (t) => {
    const { gate, nodes } = await elStage(t, 1, quiet)
    nodes[0]!.rawBody(method, (call) => `{"result":${large},"id":${other(call)}}`)
    await assert.rejects(gate.call(method, uniqueParams()))
  })

  it('to a probe says nothing about the node', async (t) => {
    const { gate, nodes } = await elStage(t, 2)
    nodes[0]!.rawBody('eth_blockNumber', (call) => `{"id":${other(call)},"result":"0xfffff"}`)
    await until(() => !gate.upstream('a').eligible, { describe: () => gate.upstream('a') })
    assert.equal(gate.upstream('a').head, 100)
  })
})
